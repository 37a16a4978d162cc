"""Scores a sequence-to-sequence model on rows that it was not trained on."""

from collections.abc import Iterator

import keras
import numpy as np
import tensorflow as tf
from tqdm import tqdm

from keras_bert_cls.data.batch_plan import BatchPlan
from keras_bert_cls.data.pipeline import evaluation_dataset
from keras_bert_cls.data.seq2seq_batches import Seq2SeqBatches, pair_lengths
from keras_bert_cls.data.token_store import TokenStore
from keras_bert_cls.modeling.cached_decoder import CachedDecoder
from keras_bert_cls.modeling.decoder_config import GenerationConfig
from keras_bert_cls.modeling.decoding import Generator
from keras_bert_cls.modeling.trained_model import TrainedModel
from keras_bert_cls.text.tokenizer import Tokenizer
from keras_bert_cls.training.metrics import Scores
from keras_bert_cls.training.objectives import ENCODER_INPUTS, Tensors
from keras_bert_cls.training.rouge import mean_rouge
from keras_bert_cls.training.seq2seq_objective import Seq2SeqObjective
from keras_bert_cls.training.term_sums import mean_values, term_sums


class TokenEvaluator:
    """Scores each token of the targets, given those before it.

    The loss is plain, without label smoothing, so that runs can be compared.

    Args:
      model: of `seq2seq_model`.
      store: the rows, from `build_seq2seq_store`.
      tokenizer: the model's.
      batch_size: rows that run at once.
    """

    def __init__(
        self, model: keras.Model, store: TokenStore, tokenizer: Tokenizer, batch_size: int
    ):
        self._model, self._rows = model, len(store)
        self._dataset = _batches(store, tokenizer, batch_size)
        self._objective = Seq2SeqObjective()
        self._step = tf.function(self._step_of, input_signature=[self._dataset.element_spec])

    def __call__(self) -> Scores:
        """Returns `loss` and `token_accuracy`."""
        sums: dict[str, float] = {}
        for batch in _with_progress(self._dataset, self._rows, "scoring"):
            for name, value in self._step(batch).items():
                sums[name] = sums.get(name, 0.0) + float(value)
        return Scores(mean_values(sums))

    def _step_of(self, batch: Tensors) -> Tensors:
        inputs = {name: batch[name] for name in self._objective.inputs}
        return term_sums(self._objective, self._model(inputs, training=False), batch)


class OutputEvaluator:
    """Scores the outputs that a model writes.

    A target is what the tokenizer makes of it: in the tokenizer's case, cut where the store cuts it
    (`max_target_length`), with [UNK] where it has a character that the vocabulary lacks.

    Args:
      trained: the model; says how outputs are chosen.
      store, batch_size: see TokenEvaluator.
    """

    def __init__(self, trained: TrainedModel, store: TokenStore, batch_size: int):
        tokenizer = trained.tokenizer
        self._tokenizer, self._rows = tokenizer, len(store)
        self._dataset = _batches(store, tokenizer, batch_size)
        generation = trained.generation or GenerationConfig()
        decoder = CachedDecoder(trained.model)
        self._generator = Generator(decoder, tokenizer.vocabulary, generation)
        self._step = tf.function(self._step_of, input_signature=[self._dataset.element_spec])

    def __call__(self) -> Scores:
        """Returns `exact_match`, the share of outputs that are the target, and ROUGE."""
        pairs: list[tuple[str, str]] = []
        for batch in _with_progress(self._dataset, self._rows, "writing"):
            real = batch["sample_weight"].numpy() > 0
            texts = (texts.numpy()[real].tolist() for texts in self._step(batch))
            pairs += [
                (found.decode(), wanted.decode()) for found, wanted in zip(*texts, strict=True)
            ]
        exact = float(np.mean([found == wanted for found, wanted in pairs]))
        return Scores({"exact_match": exact, **mean_rouge(pairs)})

    def _step_of(self, batch: Tensors) -> tuple[tf.Tensor, tf.Tensor]:
        outputs = self._generator.generate({name: batch[name] for name in ENCODER_INPUTS})
        written = (outputs.token_ids, batch["target"])
        found, wanted = (
            self._tokenizer.detokenize(tf.RaggedTensor.from_tensor(token_ids))
            for token_ids in written
        )
        return found, wanted


def seq2seq_scores(trained: TrainedModel, store: TokenStore, batch_size: int) -> Scores:
    """Returns what TokenEvaluator and OutputEvaluator say of a model."""
    tokens = TokenEvaluator(trained.model, store, trained.tokenizer, batch_size)()
    outputs = OutputEvaluator(trained, store, batch_size)()
    return Scores({**tokens.values, **outputs.values})


def _batches(store: TokenStore, tokenizer: Tokenizer, batch_size: int) -> tf.data.Dataset:
    plan = BatchPlan(pair_lengths(store), batch_size)
    return evaluation_dataset(plan, Seq2SeqBatches(store, tokenizer.vocabulary))


def _with_progress(dataset: tf.data.Dataset, rows: int, title: str) -> Iterator[Tensors]:
    with tqdm(total=rows, desc=title, unit=" rows", disable=None, leave=False) as bar:
        for batch in dataset:
            yield batch
            bar.update(int(tf.math.count_nonzero(batch["sample_weight"])))

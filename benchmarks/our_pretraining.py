"""Worker: updates of a masked language model by our training loop, on batches from a file."""

import itertools
import os
import pathlib

from benchmarks.our_loop import make_loop, timed_updates
from benchmarks.peers.batch_file import read_batches, write_batches
from benchmarks.peers.timed_batches import timed_calls
from benchmarks.peers.worker_loop import answer_requests

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

# A product of which a machine reaches nearly all that it can.
_ROWS, _INNER, _COLUMNS = 4096, 1024, 1024
PRODUCT_FLOPS = 2 * _ROWS * _INNER * _COLUMNS
_loaded: dict = {}


def make_model(folder: str, vocabulary: str, sizes: dict, max_length: int) -> None:
    """Writes a BertForMaskedLM with random weights, from which all contenders start."""
    import keras

    from keras_bert_cls.checkpoints.huggingface_export import export_to_huggingface
    from keras_bert_cls.modeling.config import EncoderConfig
    from keras_bert_cls.modeling.models import masked_lm_model
    from keras_bert_cls.modeling.trained_model import ModelSettings, TrainedModel
    from keras_bert_cls.text.tokenizer import Tokenizer

    keras.utils.set_random_seed(0)
    tokenizer = Tokenizer.from_vocab(vocabulary)
    size = len(tokenizer.vocabulary)
    config = EncoderConfig(vocabulary_size=size, max_sequence_length=max_length, **sizes)
    settings = ModelSettings("masked_lm", max_length=max_length)
    export_to_huggingface(TrainedModel(masked_lm_model(config), tokenizer, settings), folder)


def make_batches(
    text: str, vocabulary: str, rows: int, count: int, max_length: int, files: dict[str, str]
) -> None:
    """Writes batches as bertcls-pretrain makes them, its defaults but the masking of whole words.

    Args:
      text: a file; blank lines separate its documents.
      vocabulary: a file.
      rows: of a batch.
      count: of batches.
      max_length: tokens of a row at most.
      files: what to write: "by length", where rows of like length come together as our runs do it,
        and "mixed", where they do not.
    """
    from keras_bert_cls.data.batch_plan import BatchPlan
    from keras_bert_cls.data.batch_source import Shard
    from keras_bert_cls.data.batches import PretrainingBatches
    from keras_bert_cls.data.config import MaskingConfig, PretrainingData
    from keras_bert_cls.data.masking import TokenMasker
    from keras_bert_cls.data.pretraining_rows import build_pretraining_store
    from keras_bert_cls.data.store_batches import StoreBatches
    from keras_bert_cls.text.tokenizer import Tokenizer

    tokenizer = Tokenizer.from_vocab(vocabulary)
    data = PretrainingData(files=(text,), max_length=max_length)
    folder = pathlib.Path(text).with_suffix(".store")
    store = build_pretraining_store(folder, data.files, data, tokenizer)
    masker = TokenMasker(tokenizer.vocabulary, MaskingConfig(whole_words=False))
    for order, file in files.items():
        plan = BatchPlan(store.lengths("token_ids"), rows, bucket=order == "by length")
        batches = PretrainingBatches(store, tokenizer.vocabulary)
        dataset = StoreBatches(store, plan, batches, masker).dataset(0, Shard())
        kept = [
            {n: v for n, v in batch.items() if n not in ("step", "first_row")}
            for batch in itertools.islice(dataset.as_numpy_iterator(), count)
        ]
        write_batches(file, kept)


def load(folder: str, precision: str = "float32", **_) -> None:
    """Loads a folder of BertForMaskedLM; precision is a policy of Keras."""
    from keras_bert_cls.checkpoints.import_checkpoint import import_checkpoint
    from keras_bert_cls.modeling.encoder import encoder_config
    from keras_bert_cls.modeling.models import masked_lm_model
    from keras_bert_cls.training.objectives import MaskedLMObjective
    from keras_bert_cls.training.run import with_precision

    imported = import_checkpoint(folder).model
    model = with_precision(precision, lambda: masked_lm_model(encoder_config(imported)))
    model.set_weights(imported.get_weights())
    _loaded["model"], _loaded["objective"] = model, MaskedLMObjective()
    _loaded["loop"] = make_loop(model, _loaded["objective"])


def loss(file: str) -> float:
    """Returns the mean loss of the first batch's masked tokens without dropout."""
    import tensorflow as tf

    batch, objective = read_batches(file)[0], _loaded["objective"]
    outputs = _loaded["model"]({name: batch[name] for name in objective.inputs}, training=False)
    losses, weights = objective.losses(outputs, batch)["masked"], batch["mask_weights"]
    return float(tf.reduce_sum(losses * weights) / tf.reduce_sum(weights))


def train(file: str) -> dict[str, list[float]]:
    """Makes an update with each batch of a file; returns how long each took."""
    return timed_updates(_loaded["loop"], read_batches(file))


def flops(file: str) -> float:
    """Returns the operations that the matrix products of updates with a file's batches need."""
    from keras_bert_cls.modeling.encoder import encoder_config
    from keras_bert_cls.training.model_flops import training_flops

    encoder, batches = encoder_config(_loaded["model"]), read_batches(file)
    lengths = [batch["padding_mask"].sum(axis=1).astype(float) for batch in batches]
    sums = {
        "sequences": float(sum(map(len, lengths))),
        "tokens": float(sum(row.sum() for row in lengths)),
        "token_pairs": float(sum((row**2).sum() for row in lengths)),
        "masked_entries": float(sum((batch["mask_weights"] > 0).sum() for batch in batches)),
    }
    return training_flops(encoder, encoder.vocabulary_size, sums)


def multiply(precision: str, times: int) -> dict[str, list[float]]:
    """Times a large product of matrices; it takes PRODUCT_FLOPS operations."""
    import tensorflow as tf

    dtype = tf.bfloat16 if precision == "mixed_bfloat16" else tf.float32
    left = tf.cast(tf.random.normal((_ROWS, _INNER)), dtype)
    right = tf.cast(tf.random.normal((_INNER, _COLUMNS)), dtype)
    product = _loaded.setdefault("product", tf.function(tf.matmul))
    product(left, right)
    return timed_calls(lambda _: product(left, right)[0, 0].numpy(), range(times))


if __name__ == "__main__":
    answer_requests(
        {
            "make_model": make_model,
            "make_batches": make_batches,
            "load": load,
            "loss": loss,
            "train": train,
            "flops": flops,
            "multiply": multiply,
        }
    )

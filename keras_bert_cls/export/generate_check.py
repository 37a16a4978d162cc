"""Whether an export writes what its Keras model would, for a few texts."""

import typing
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import tensorflow as tf

from keras_bert_cls.export.generate_signatures import make_generator, read_texts
from keras_bert_cls.modeling.cached_decoder import CachedDecoder
from keras_bert_cls.modeling.decoding import Generator
from keras_bert_cls.modeling.generation_rules import Rules
from keras_bert_cls.modeling.trained_model import TrainedModel

# Where logits that are off by this give another output, a choice hangs on rounding: the output may
# differ, and is not compared.
_NEAR_TIE = 1e-4

_Call = Callable[[str, Mapping[str, np.ndarray]], dict[str, np.ndarray]]


def generation_problem(
    trained: TrainedModel, call: _Call, texts: Sequence[bytes], tolerance: float
) -> str:
    """Compares the signature `generate` with the Keras model.

    The outputs must be those of the model in this process, and their scores those of one run of it
    over the whole output, without a cache.

    Args:
      trained: the model.
      call: runs a signature of the export.
      texts: UTF-8.
      tolerance: how far the log-likelihood of an output may be off for each of its tokens.

    Returns:
      What is wrong; "" where all is right.
    """
    answer = call("generate", {"text": np.array(texts, object)})
    inputs = read_texts(trained, tf.constant(texts), pad_to_multiple_of=1)
    generator = make_generator(trained, _ShakenDecoder)
    token_ids, shaken = _generate(generator, inputs)
    wanted = trained.tokenizer.detokenize(tf.RaggedTensor.from_tensor(token_ids)).numpy()
    lengths = trained.tokenizer.tokenize(tf.constant(texts)).row_lengths().numpy()
    for row, text in enumerate(texts):
        expected, score = b"", 0.0
        if lengths[row]:
            written = _without_padding(trained, token_ids[row])
            if not np.array_equal(_without_padding(trained, shaken[row]), written):
                continue
            one = {name: values[row : row + 1] for name, values in inputs.items()}
            expected, score = wanted[row], _uncached_score(trained, generator, one, written)
        found, found_score = answer["text"][row], float(answer["score"][row])
        limit = tolerance * token_ids.shape[1]
        if found != expected or not abs(found_score - score) <= limit:  # NaN fails too
            return (
                f"signature generate answers {text!r} with {found!r} (score {found_score:.6g}), "
                f"the Keras model with {expected!r} ({score:.6g})."
            )
    return ""


class _ShakenDecoder(CachedDecoder):
    """Gives logits that are off by up to `shake`."""

    shake: tf.Tensor

    def extend(self, token_ids, written, reading):
        logits, written = super().extend(token_ids, written, reading)
        places = tf.range(tf.shape(logits)[-1])
        return logits + self.shake * tf.sin(1e3 * tf.cast(places, tf.float32)), written


def _generate(generator: Generator, inputs: Mapping[str, tf.Tensor]) -> list[tf.Tensor]:
    """Returns token ids, int32 [n, length], of the model as it is and of a shaken one.

    In a graph, which is faster than eager code.
    """

    def generate(inputs, shake):
        typing.cast(_ShakenDecoder, generator.decoder).shake = shake
        return generator.generate(inputs).token_ids

    shakes = [tf.constant(0.0), tf.constant(_NEAR_TIE)]
    function = tf.function(generate).get_concrete_function(inputs, shakes[0])
    return [function(inputs, shake) for shake in shakes]


def _without_padding(trained: TrainedModel, token_ids: tf.Tensor) -> np.ndarray:
    values = token_ids.numpy()
    return values[values != trained.tokenizer.vocabulary.pad_id]


def _uncached_score(
    trained: TrainedModel,
    generator: Generator,
    inputs: Mapping[str, tf.Tensor],
    token_ids: np.ndarray,
) -> float:
    """Returns the score of an output, int32 [length], from one run over all of it."""
    alpha = generator.config.length_penalty
    rules = Rules.of(trained.tokenizer.vocabulary, len(token_ids), alpha)
    read = np.concatenate([[rules.start_id], token_ids[:-1]])
    read = tf.constant(read[np.newaxis], tf.int32)
    logits = trained.model({**inputs, "decoder_token_ids": read}, training=False)["logits"]
    logits = logits.numpy()[0].astype(np.float64) + rules.bias
    log_probabilities = logits - np.logaddexp.reduce(logits, axis=-1, keepdims=True)
    gained = log_probabilities[np.arange(len(token_ids)), token_ids]
    return float(gained.sum() / ((5 + len(token_ids)) / 6) ** alpha)

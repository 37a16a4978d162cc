"""Outputs of a sequence-to-sequence model, in the graph: greedy, by beam search, or drawn."""

import dataclasses
from collections.abc import Callable, Mapping
from typing import NamedTuple

import tensorflow as tf

from keras_bert_cls.modeling.beam_search import beam_search
from keras_bert_cls.modeling.cached_decoder import CachedDecoder, growing_shapes
from keras_bert_cls.modeling.decoder_config import GenerationConfig
from keras_bert_cls.modeling.generation_rules import Rules, length_penalty
from keras_bert_cls.modeling.nucleus import draw_token, uniform_numbers
from keras_bert_cls.text.vocabulary import Vocabulary


class Outputs(NamedTuple):
    """What was written.

    Attributes:
      token_ids: int32 [n, length]; [SEP] at the end of an output, if it has one, and [PAD] behind.
      scores: float32 [n]; see GenerationConfig.length_penalty.
    """

    token_ids: tf.Tensor
    scores: tf.Tensor


@dataclasses.dataclass(frozen=True)
class Generator:
    """Writes outputs.

    [PAD], [UNK], [CLS] and [MASK] are never written: the probability is that of the other tokens
    among themselves.

    Attributes:
      decoder: of the model.
      vocabulary: knows the special tokens.
      config: how to choose.
    """

    decoder: CachedDecoder
    vocabulary: Vocabulary
    config: GenerationConfig

    def generate(self, inputs: Mapping[str, tf.Tensor]) -> Outputs:
        """Writes an output for each row, of at most `max_length` tokens.

        An output does not depend on the other rows of its batch, but for rounding.

        Args:
          inputs: the encoder's, int32 [n, source length] each.
        """
        limit = self.config.max_length or self.decoder.max_length
        rules = Rules.of(self.vocabulary, limit, self.config.length_penalty)
        if self.config.method == "beam":
            return Outputs(*beam_search(self.decoder, inputs, rules, self.config.beams))
        return Outputs(*_one_by_one(self.decoder, inputs, rules, self._chooser(inputs, limit)))

    def _chooser(
        self, inputs: Mapping[str, tf.Tensor], limit: int
    ) -> Callable[[tf.Tensor, tf.Tensor], tf.Tensor]:
        """Returns what chooses tokens, int32 [n], given log probabilities and the token's place."""
        config = self.config
        if config.method == "greedy":
            return lambda log_probabilities, _: tf.argmax(log_probabilities, -1, tf.int32)
        numbers = uniform_numbers(inputs["token_ids"], inputs["padding_mask"], limit, config.seed)

        def draw(log_probabilities: tf.Tensor, place: tf.Tensor) -> tf.Tensor:
            uniform = numbers[:, place]
            return draw_token(log_probabilities, uniform, config.top_p, config.temperature)

        return draw


def _one_by_one(
    decoder: CachedDecoder,
    inputs: Mapping[str, tf.Tensor],
    rules: Rules,
    choose: Callable[[tf.Tensor, tf.Tensor], tf.Tensor],
) -> tuple[tf.Tensor, tf.Tensor]:
    """Appends a token to each row until all have ended; returns token ids and scores."""
    reading = decoder.read(inputs)
    rows = reading.rows

    def is_going_on(token_ids, has_ended, *_):
        return (tf.shape(token_ids)[1] < rules.max_length) & ~tf.reduce_all(has_ended)

    def write(token_ids, has_ended, lengths, log_likelihood, last, written):
        logits, written = decoder.extend(last[:, tf.newaxis], written, reading)
        log_probabilities = rules.log_probabilities(logits[:, 0])
        chosen = choose(log_probabilities, tf.shape(token_ids)[1])
        gained = tf.gather(log_probabilities, chosen, batch_dims=1)
        log_likelihood += tf.where(has_ended, 0.0, gained)
        lengths += tf.where(has_ended, 0, 1)
        chosen = tf.where(has_ended, rules.pad_id, chosen)
        token_ids = tf.concat([token_ids, chosen[:, tf.newaxis]], axis=1)
        has_ended |= chosen == rules.end_id
        return token_ids, has_ended, lengths, log_likelihood, chosen, written

    nothing = decoder.nothing_written(reading)
    vector = tf.TensorShape([None])
    token_ids, _, lengths, log_likelihood, *_ = tf.while_loop(
        is_going_on,
        write,
        (
            tf.zeros([rows, 0], tf.int32),
            tf.zeros([rows], tf.bool),
            tf.zeros([rows], tf.int32),
            tf.zeros([rows]),
            tf.fill([rows], rules.start_id),
            nothing,
        ),
        shape_invariants=(
            tf.TensorShape([None, None]),
            vector,
            vector,
            vector,
            vector,
            growing_shapes(nothing),
        ),
        parallel_iterations=1,
    )
    return token_ids, log_likelihood / length_penalty(lengths, rules.alpha)

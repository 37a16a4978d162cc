"""Beam search in the graph, with the length penalty of Wu et al. 2016.

Each step keeps the best outputs that have ended, and the best that have not: an ended one takes no
place from the others.
"""

from collections.abc import Mapping
from typing import NamedTuple

import tensorflow as tf

from keras_bert_cls.modeling.cached_decoder import (
    CachedDecoder,
    Written,
    growing_shapes,
    select_rows,
)
from keras_bert_cls.modeling.generation_rules import Rules, length_penalty


class _Open(NamedTuple):
    """Outputs that go on; token_ids int32 [n, beams, t], log-likelihoods float32 [n, beams]."""

    token_ids: tf.Tensor
    log_likelihoods: tf.Tensor


class _Ended(NamedTuple):
    """The best output of each row that has ended; token_ids int32 [n, max_length], scores [n]."""

    token_ids: tf.Tensor
    scores: tf.Tensor


def beam_search(
    decoder: CachedDecoder, inputs: Mapping[str, tf.Tensor], rules: Rules, beams: int
) -> tuple[tf.Tensor, tf.Tensor]:
    """Returns the best output of each row: token ids, int32 [n, length], and scores, float32 [n].

    The search of a row is over when no output that goes on can get a better score than the best
    that has ended. Where none ends within the longest length, the best open one is the answer.
    """
    reading = decoder.read(inputs, copies=beams)
    rows = reading.rows // beams
    step = _Step(rules, beams)

    def is_going_on(opened, ended, *_):
        place = tf.shape(opened.token_ids)[2]
        return (place < rules.max_length) & tf.reduce_any(step.can_improve(opened, ended))

    def write(opened, ended, last, written):
        logits, written = decoder.extend(last[:, tf.newaxis], written, reading)
        opened, ended, origins, last = step.choose(opened, ended, logits[:, 0])
        return opened, ended, last, select_rows(written, origins)

    nothing: Written = decoder.nothing_written(reading)
    # All beams are the same at first: only one of them may go on.
    first = tf.concat([tf.zeros([rows, 1]), tf.fill([rows, beams - 1], -float("inf"))], axis=1)
    opened, ended, *_ = tf.while_loop(
        is_going_on,
        write,
        (
            _Open(tf.zeros([rows, beams, 0], tf.int32), first),
            _Ended(tf.fill([rows, rules.max_length], rules.pad_id), tf.fill([rows], -float("inf"))),
            tf.fill([rows * beams], rules.start_id),
            nothing,
        ),
        shape_invariants=(
            _Open(tf.TensorShape([None, beams, None]), tf.TensorShape([None, beams])),
            _Ended(tf.TensorShape([None, rules.max_length]), tf.TensorShape([None])),
            tf.TensorShape([None]),
            growing_shapes(nothing),
        ),
        parallel_iterations=1,
    )
    return step.answer(opened, ended)


class _Step:
    """What happens to the outputs when the logits of their next tokens are known."""

    def __init__(self, rules: Rules, beams: int):
        self._rules, self._beams = rules, beams

    def can_improve(self, opened: _Open, ended: _Ended) -> tf.Tensor:
        """Says which rows, bool [n], may still find a better output than they have.

        A log-likelihood only falls, and no longer output has a larger penalty than the longest.
        """
        best = opened.log_likelihoods[:, 0] / length_penalty(
            self._rules.max_length, self._rules.alpha
        )
        return best > ended.scores

    def choose(
        self, opened: _Open, ended: _Ended, logits: tf.Tensor
    ) -> tuple[_Open, _Ended, tf.Tensor, tf.Tensor]:
        """Appends a token to each output.

        Args:
          opened: what is there.
          ended: the best that has ended.
          logits: float32 [n * beams, vocabulary].

        Returns:
          What goes on; the best that has ended; which of the n * beams outputs each new one comes
          from, int32 [n * beams]; and its last token, int32 [n * beams].
        """
        size = logits.shape[-1]
        gained = tf.reshape(self._rules.log_probabilities(logits), [-1, self._beams, size])
        totals = tf.reshape(
            opened.log_likelihoods[..., tf.newaxis] + gained, [-1, self._beams * size]
        )
        # Of twice as many at most half end, as each beam can end in one way only.
        values, picked = tf.math.top_k(totals, k=2 * self._beams)
        beam, token = picked // size, picked % size
        grown = tf.concat(
            [tf.gather(opened.token_ids, beam, batch_dims=1), token[..., tf.newaxis]], axis=2
        )
        ends = token == self._rules.end_id
        ended = self._best_ended(ended, grown, tf.where(ends, values, -float("inf")))
        values, kept = tf.math.top_k(tf.where(ends, -float("inf"), values), k=self._beams)
        rows = tf.range(tf.shape(values)[0])[:, tf.newaxis]
        origins = rows * self._beams + tf.gather(beam, kept, batch_dims=1)
        grown = tf.gather(grown, kept, batch_dims=1)
        return (
            _Open(grown, values),
            ended,
            tf.reshape(origins, [-1]),
            tf.reshape(grown[:, :, -1], [-1]),
        )

    def answer(self, opened: _Open, ended: _Ended) -> tuple[tf.Tensor, tf.Tensor]:
        """Returns the token ids, int32 [n, t], and the scores, float32 [n], of the best outputs."""
        length = tf.shape(opened.token_ids)[2]
        scores = opened.log_likelihoods[:, 0] / length_penalty(length, self._rules.alpha)
        has_ended = ended.scores > -float("inf")
        token_ids = tf.where(
            has_ended[:, tf.newaxis], ended.token_ids[:, :length], opened.token_ids[:, 0]
        )
        return token_ids, tf.where(has_ended, ended.scores, scores)

    def _best_ended(self, ended: _Ended, grown: tf.Tensor, values: tf.Tensor) -> _Ended:
        """Compares the best output so far with those that end now; values float32 [n, 2 beams]."""
        length = tf.shape(grown)[2]
        best = tf.argmax(values, axis=-1, output_type=tf.int32)
        score = tf.gather(values, best, batch_dims=1) / length_penalty(length, self._rules.alpha)
        candidate = tf.gather(grown, best, batch_dims=1)
        padding = [[0, 0], [0, self._rules.max_length - length]]
        candidate = tf.pad(candidate, padding, constant_values=self._rules.pad_id)
        is_better = score > ended.scores
        return _Ended(
            tf.where(is_better[:, tf.newaxis], candidate, ended.token_ids),
            tf.where(is_better, score, ended.scores),
        )

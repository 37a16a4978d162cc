"""The best labels of an adaptive softmax, without the scores of all labels."""

import math
from collections.abc import Callable
from typing import NamedTuple

import tensorflow as tf

# Scores of a tail that are in memory at once: 32 MB of float32.
_BLOCK = 2**23


class BestRanks(NamedTuple):
    """The k best labels of each row so far, best first; of equal ones the more frequent first.

    Attributes:
      scores: log-probabilities, float [n, k].
      ranks: the labels' ranks by frequency, int32 [n, k].
    """

    scores: tf.Tensor
    ranks: tf.Tensor


def best_of_shortlist(scores: tf.Tensor, k: int) -> BestRanks:
    """Returns the best of the first labels; where there are fewer than k, scores of -inf follow.

    Args:
      scores: log-probabilities, float [n, shortlist].
      k: how many.
    """
    picks = min(k, scores.shape[1])
    best, ranks = tf.math.top_k(scores, picks)
    missing = [[0, 0], [0, k - picks]]
    return BestRanks(tf.pad(best, missing, constant_values=-math.inf), tf.pad(ranks, missing))


def merge_tail(
    best: BestRanks,
    hidden: tf.Tensor,
    gate: tf.Tensor,
    tail_scores: Callable[[tf.Tensor], tf.Tensor],
    first_rank: int,
    size: int,
) -> BestRanks:
    """Takes up the labels of a tail, computed for rows only where one of them can come in.

    A label of the tail is at most as probable as the tail itself, so where the tail is no more
    probable than the last of the best, none of its labels comes in. That is exact, also after
    rounding: a log-softmax is never over 0.

    Args:
      best: the best of the labels before the tail.
      hidden: [n, hidden].
      gate: log-probability of the tail, float [n].
      tail_scores: from hidden [m, hidden] to log-probabilities within the tail, float [m, size].
      first_rank: rank of the tail's first label.
      size: labels of the tail.
    """
    rows = tf.cast(tf.where(gate > best.scores[:, -1])[:, 0], tf.int32)
    k = best.scores.shape[1]
    block = max(1, _BLOCK // size)

    def merge_block(start, scores, ranks):
        chosen = rows[start : start + block]
        found = tail_scores(tf.gather(hidden, chosen)) + tf.gather(gate, chosen)[:, tf.newaxis]
        new_scores, new_ranks = tf.math.top_k(found, min(k, size))
        both_scores = tf.concat([tf.gather(scores, chosen), new_scores], axis=1)
        both_ranks = tf.concat([tf.gather(ranks, chosen), new_ranks + first_rank], axis=1)
        kept_scores, picks = tf.math.top_k(both_scores, k)
        kept_ranks = tf.gather(both_ranks, picks, batch_dims=1)
        where = chosen[:, tf.newaxis]
        scores = tf.tensor_scatter_nd_update(scores, where, kept_scores)
        ranks = tf.tensor_scatter_nd_update(ranks, where, kept_ranks)
        return start + block, scores, ranks

    _, scores, ranks = tf.while_loop(
        lambda start, *_: start < tf.size(rows),
        merge_block,
        (tf.constant(0), best.scores, best.ranks),
        parallel_iterations=1,
    )
    return BestRanks(tf.ensure_shape(scores, [None, k]), tf.ensure_shape(ranks, [None, k]))

"""Draws tokens from logits: temperature, top-k and top-p, a setting for each text of a batch."""

from typing import NamedTuple

import tensorflow as tf


class Sampling(NamedTuple):
    """How the tokens of each text are chosen.

    Attributes:
      temperature: float32 [n]; logits are divided by it. 0 takes the likeliest token.
      top_k: int32 [n]; so many of the likeliest tokens are drawn from, 0 from all.
      top_p: float32 [n] in (0, 1]; of these, the fewest likeliest that have this share of the
        probability together (Holtzman et al. 2020, nucleus sampling).
    """

    temperature: tf.Tensor
    top_k: tf.Tensor
    top_p: tf.Tensor


def likeliest_tokens(logits: tf.Tensor) -> tf.Tensor:
    """Returns int32 [n, places] for logits [n, places, tokens]; of equal ones the first."""
    return tf.argmax(logits, axis=-1, output_type=tf.int32)


def sample_tokens(logits: tf.Tensor, sampling: Sampling, uniform: tf.Tensor) -> tf.Tensor:
    """Draws a token for each place.

    Args:
      logits: float32 [n, places, tokens]; a token of -inf is never drawn.
      sampling: see Sampling.
      uniform: float32 [n, places] in [0, 1): where in the distribution the drawn token lies, the
        likeliest tokens first.

    Returns:
      Token ids, int32 [n, places].
    """
    temperature, top_k, top_p = (value[:, tf.newaxis, tf.newaxis] for value in sampling)
    # Another divisor for temperature 0, where the first of the order below is the answer.
    scaled = logits / tf.where(temperature > 0, temperature, 1.0)
    size = tf.shape(logits)[-1]
    limit = tf.where(top_k > 0, tf.minimum(top_k, size), size)
    values, order = tf.math.top_k(scaled, k=tf.reduce_max(tf.concat([limit, [[[1]]]], axis=0)))
    rank = tf.range(tf.shape(values)[-1])
    shares = tf.nn.softmax(tf.where(rank < limit, values, -float("inf")))
    is_inside = (top_p >= 1) | (tf.cumsum(shares, axis=-1, exclusive=True) < top_p)
    shares = tf.where(is_inside, shares, 0.0)
    cumulated = tf.cumsum(shares, axis=-1)
    drawn = tf.math.count_nonzero(
        cumulated <= uniform[..., tf.newaxis] * cumulated[..., -1:], axis=-1, dtype=tf.int32
    )
    # Rounding may reach the end of the distribution; what lies behind it has no share.
    drawn = tf.minimum(drawn, tf.math.count_nonzero(shares > 0, axis=-1, dtype=tf.int32) - 1)
    drawn = tf.where(temperature[..., 0] > 0, tf.maximum(drawn, 0), 0)
    return tf.gather(order, drawn, batch_dims=2)

"""Attention, in pieces that the blocks of the encoder and of the decoder are made of."""

from typing import NamedTuple

import tensorflow as tf

_HIDDEN = -1e9


class KeysAndValues(NamedTuple):
    """What is attended to, by head.

    Attributes:
      keys, values: [batch, heads, length, head width] each.
    """

    keys: tf.Tensor
    values: tf.Tensor


class Memory(NamedTuple):
    """What the encoder read, as one block attends to it.

    Attributes:
      read: its keys and values.
      bias: float32 [batch, 1, 1, source length], as `padding_bias` makes it.
    """

    read: KeysAndValues
    bias: tf.Tensor


def split_heads(x: tf.Tensor, num_heads: int) -> tf.Tensor:
    """[batch, length, width] -> [batch, heads, length, width / heads]."""
    batch, length = tf.shape(x)[0], tf.shape(x)[1]
    heads = tf.reshape(x, [batch, length, num_heads, x.shape[-1] // num_heads])
    return tf.transpose(heads, [0, 2, 1, 3])


def merge_heads(x: tf.Tensor) -> tf.Tensor:
    """[batch, heads, length, head width] -> [batch, length, width]."""
    batch, length = tf.shape(x)[0], tf.shape(x)[2]
    merged = tf.transpose(x, [0, 2, 1, 3])
    return tf.reshape(merged, [batch, length, x.shape[1] * x.shape[3]])


def attention_weights(query: tf.Tensor, keys: tf.Tensor, bias: tf.Tensor) -> tf.Tensor:
    """Returns the softmax of scaled dot products (Vaswani et al. 2017, equation 1).

    Args:
      query: [batch, heads, new, head width].
      keys: [batch, heads, length, head width].
      bias: float32, broadcast to [batch, heads, new, length]; a large negative number hides.

    Returns:
      [batch, heads, new, length], of the query's dtype.
    """
    scores = tf.matmul(query * query.shape[-1] ** -0.5, keys, transpose_b=True)
    # The softmax is float32 under mixed precision too: bfloat16 keeps 8 bits of a probability.
    return tf.cast(tf.nn.softmax(tf.cast(scores, tf.float32) + bias), scores.dtype)


def causal_bias(new: tf.Tensor, length: tf.Tensor) -> tf.Tensor:
    """Hides from each of the last `new` of `length` places what comes after it; [new, length]."""
    places = tf.range(length)
    return tf.where(places > places[length - new :, tf.newaxis], _HIDDEN, 0.0)


def padding_bias(padding_mask: tf.Tensor) -> tf.Tensor:
    """Hides padding: int32 [batch, length] -> float32 [batch, 1, 1, length]."""
    return tf.where(padding_mask > 0, 0.0, _HIDDEN)[:, tf.newaxis, tf.newaxis, :]

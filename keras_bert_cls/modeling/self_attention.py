"""Self-attention of packed tokens."""

from collections.abc import Callable

import tensorflow as tf

# Whole modules: either may still be half loaded here, see layers.py.
from keras_bert_cls.modeling import attention, token_packing


def attend(
    projected: tf.Tensor,
    rows: tf.Tensor,
    slots: tf.Tensor,
    num_heads: int,
    first_only: bool = False,
    drop: Callable[[tf.Tensor], tf.Tensor] = tf.identity,
) -> tf.Tensor:
    """Scaled dot-product attention (Vaswani et al. 2017).

    Args:
      projected: [tokens, 3 * width], the queries, the keys and the values of all heads.
      rows, slots: as `PackTokens` returns them.
      num_heads: of which `width` is a multiple.
      first_only: only the first token of each sequence attends.
      drop: dropout of the attention probabilities, [batch, heads, queries, length].

    Returns:
      [tokens, width]; [batch, width] with `first_only`.
    """
    batch, length = tf.shape(slots)[0], tf.shape(slots)[1]
    width = projected.shape[-1] // 3
    head_dim = width // num_heads
    padded = token_packing.to_batch(projected, rows, slots)
    heads = tf.reshape(padded, [batch, length, 3, num_heads, head_dim])
    query, key, value = tf.unstack(tf.transpose(heads, [2, 0, 3, 1, 4]), num=3)
    if first_only:
        query = query[:, :, :1]
    weights = attention.attention_weights(query, key, attention.padding_bias(slots))
    mixed = tf.matmul(drop(weights), value)
    if first_only:
        return tf.reshape(mixed, [batch, width])
    return token_packing.to_tokens(attention.merge_heads(mixed), rows, slots)

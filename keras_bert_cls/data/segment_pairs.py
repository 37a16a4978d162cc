"""Segment pairs for pretraining, in the graph: sentence order and next sentence prediction.

Rows are [CLS] a [SEP] b [SEP], padded. Places are counted within a row.
"""

import tensorflow as tf


def swap_segments(
    values: tf.Tensor, length: tf.Tensor, first_length: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor]:
    """[CLS] a [SEP] b [SEP] -> [CLS] b [SEP] a [SEP] (Lan et al. 2019).

    Args:
      values: [rows, width], token ids or what else goes with tokens.
      length, first_length: int32 [rows], tokens of a row and of its first segment.

    Returns:
      The values after the swap, and the new first_length.
    """
    place = tf.range(tf.shape(values)[1])[tf.newaxis]
    length, first = length[:, tf.newaxis], first_length[:, tf.newaxis]
    new_first = length - first + 1
    source = tf.where(place < new_first, place + first - 1, place - new_first + 1)
    source = tf.where((place > 0) & (place < length), source, place)
    return tf.gather(values, source, batch_dims=1), new_first[:, 0]


def replace_second_segments(
    values: tf.Tensor,
    length: tf.Tensor,
    first_length: tf.Tensor,
    other_values: tf.Tensor,
    other_length: tf.Tensor,
    other_first_length: tf.Tensor,
) -> tuple[tf.Tensor, tf.Tensor]:
    """Puts b of other rows in place of b, cut to the same length (Devlin et al. 2018).

    Args:
      values, length, first_length: see `swap_segments`.
      other_values, other_length, other_first_length: the rows to take b from.

    Returns:
      The new values and lengths. What stands behind the end of a row has no meaning.
    """
    place = tf.range(tf.shape(values)[1])[tf.newaxis]
    kept = tf.minimum(length - first_length, other_length - other_first_length) - 1
    end = (first_length + kept)[:, tf.newaxis]
    source = place + (other_first_length - first_length)[:, tf.newaxis]
    source = tf.clip_by_value(source, 0, tf.shape(values)[1] - 1)
    replaced = tf.where(
        place < first_length[:, tf.newaxis], values, tf.gather(other_values, source, batch_dims=1)
    )
    # The last [SEP], and what goes with it, stays the row's own.
    last = tf.gather(values, length - 1, batch_dims=1)[:, tf.newaxis]
    return tf.where(place == end, last, replaced), end[:, 0] + 1

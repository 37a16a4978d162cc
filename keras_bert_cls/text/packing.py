"""Token ids of one or two texts → the encoder's inputs."""

import math
from collections.abc import Sequence

import tensorflow as tf

from keras_bert_cls.errors import UserError
from keras_bert_cls.text.vocabulary import Vocabulary


def pack_texts(
    vocabulary: Vocabulary,
    segments: Sequence[tf.RaggedTensor],
    *,
    max_length: int,
    pad_to_multiple_of: int = 8,
    pad_to_max_length: bool = False,
) -> dict[str, tf.Tensor]:
    """Packs rows as [CLS] a [SEP] or [CLS] a [SEP] b [SEP] and pads them.

    A row that is too long loses tokens at the end of its longer text, of b if both are equally
    long, until it fits, as in `_truncate_seq_pair` of google-research/bert. Made of TensorFlow's
    own ops only, so that every server can run it.

    Args:
      vocabulary: knows the special tokens.
      segments: one or two ragged int32 [n, (length)] without special tokens.
      max_length: tokens a row has at most, special tokens included.
      pad_to_multiple_of: the length of the longest row is rounded up to a multiple of this, though
        not beyond `max_length`, so that fewer different shapes come up.
      pad_to_max_length: pad to `max_length` whatever the rows hold.

    Returns:
      token_ids, segment_ids (1 for b and its [SEP], else 0) and padding_mask (1 for tokens, 0 for
      padding), int32 [n, length] each; length ≥ 1 even if n = 0.

    Raises:
      UserError: not one or two segments, or `max_length` has no room for the special tokens.
    """
    kept = kept_lengths(segments, max_length)
    if pad_to_multiple_of < 1:
        raise UserError(f"pad_to_multiple_of must be at least 1, got {pad_to_multiple_of}")
    row_lengths = tf.add_n([*kept]) + 1 + len(segments)
    if pad_to_max_length:
        length = tf.constant(max_length)
    else:
        longest = tf.reduce_max(tf.concat([row_lengths, [1]], axis=0))
        multiple = pad_to_multiple_of
        length = tf.minimum((longest + multiple - 1) // multiple * multiple, max_length)

    positions = tf.range(length)[tf.newaxis, :]
    token_ids = tf.where(positions == 0, vocabulary.cls_id, vocabulary.pad_id)
    token_ids = tf.broadcast_to(token_ids, [tf.size(row_lengths), length])
    segment_ids = tf.zeros_like(token_ids)
    start = tf.ones_like(row_lengths)[:, tf.newaxis]
    for number, (segment, count) in enumerate(zip(segments, kept, strict=True)):
        end = start + count[:, tf.newaxis]
        inside = (positions >= start) & (positions < end)
        token_ids = tf.where(inside, _tokens_at(segment, positions - start, inside), token_ids)
        token_ids = tf.where(positions == end, vocabulary.sep_id, token_ids)
        segment_ids = tf.where((positions >= start) & (positions <= end), number, segment_ids)
        start = end + 1
    packed = {
        "token_ids": token_ids,
        "segment_ids": segment_ids,
        "padding_mask": tf.cast(positions < row_lengths[:, tf.newaxis], tf.int32),
    }
    static_length = max_length if pad_to_max_length else None
    return {name: tf.ensure_shape(value, [None, static_length]) for name, value in packed.items()}


def kept_lengths(segments: Sequence[tf.RaggedTensor], max_length: int) -> list[tf.Tensor]:
    """Returns how many tokens each text of a row keeps in `pack_texts`, int32 [n] a segment.

    Cutting the longer text one token at a time ends in closed form: a text keeps its half of the
    budget, the first the larger one, and what the other text leaves free.

    Raises:
      UserError: not one or two segments, or `max_length` has no room for the special tokens.
    """
    if len(segments) not in (1, 2):
        raise UserError(f"expected one or two segments to pack, got {len(segments)}")
    budget = max_length - 1 - len(segments)
    if budget < 0:
        raise UserError(
            f"max_length must be at least {1 + len(segments)}, the special tokens of "
            f"{len(segments)} segment(s), got {max_length}"
        )
    lengths = [tf.cast(segment.row_lengths(), tf.int32) for segment in segments]
    if len(lengths) == 1:
        return [tf.minimum(lengths[0], budget)]
    first, second = lengths
    return [
        tf.minimum(first, tf.maximum(math.ceil(budget / 2), budget - second)),
        tf.minimum(second, tf.maximum(budget // 2, budget - first)),
    ]


def _tokens_at(segment: tf.RaggedTensor, positions: tf.Tensor, inside: tf.Tensor) -> tf.Tensor:
    """Gathers int32 [n, length]: the row's token at a position, anything where not inside."""
    row_starts = tf.cast(segment.row_starts(), tf.int32)[:, tf.newaxis]
    # One more value, so that there is something to read when all rows are empty.
    values = tf.concat([tf.cast(segment.flat_values, tf.int32), [0]], axis=0)
    return tf.gather(values, tf.where(inside, row_starts + positions, 0))

"""Texts with [MASK] in them: read in the graph, and put together again."""

from typing import NamedTuple

import tensorflow as tf

from keras_bert_cls.modeling.trained_model import TrainedModel
from keras_bert_cls.text.packing import pack_texts
from keras_bert_cls.text.vocabulary import MASK


class MaskedTexts(NamedTuple):
    """A batch of texts, where masks is the largest number of [MASK]s in one, at most max_length.

    Attributes:
      pieces: ragged string [n, (pieces)], what stands around the masks; a text with m has m + 1.
      packed: the encoder's inputs, int32 [n, length] each.
      positions: int32 [n, max(masks, 1)], where the masks stand in `packed`; 0 where there is none.
      is_mask: bool [n, max(masks, 1)], whether there is one: a text may have fewer, and what
        exceeds the model's length is cut off.
      masks: int32 scalar. A model never sees zero positions, so `positions` has one at least.
    """

    pieces: tf.RaggedTensor
    packed: dict[str, tf.Tensor]
    positions: tf.Tensor
    is_mask: tf.Tensor
    masks: tf.Tensor


class MaskedTextReader:
    """Reads texts for a masked language model.

    Args:
      trained: the model.
      pad_to_multiple_of: inputs are padded to the longest of the batch, rounded up to this.
    """

    def __init__(self, trained: TrainedModel, pad_to_multiple_of: int):
        self._tokenizer = trained.tokenizer
        self._max_length = trained.settings.max_length
        self._pad_to_multiple_of = pad_to_multiple_of

    def read(self, text: tf.Tensor) -> MaskedTexts:
        """Reads string [n]."""
        pieces = tf.strings.split(text, sep=MASK)
        packed = pack_texts(
            self._tokenizer.vocabulary,
            [self._tokenize(pieces)],
            max_length=self._max_length,
            pad_to_multiple_of=self._pad_to_multiple_of,
        )
        counts = tf.cast(pieces.row_lengths(), tf.int32) - 1
        masks = tf.minimum(tf.reduce_max(tf.concat([counts, [0]], axis=0)), self._max_length)
        positions, is_mask = self._find_masks(packed["token_ids"], tf.maximum(masks, 1))
        return MaskedTexts(pieces, packed, positions, is_mask, masks)

    def segments(self, text: tf.Tensor) -> list[tf.RaggedTensor]:
        """Returns the tokens of string [n] as the one segment to pack."""
        return [self._tokenize(tf.strings.split(text, sep=MASK))]

    def _tokenize(self, pieces: tf.RaggedTensor) -> tf.RaggedTensor:
        """Tokenizes string [n, (pieces)] and puts the mask's id between pieces: [n, (length)]."""
        follows = tf.ragged.range(pieces.row_lengths()).flat_values > 0
        masks = tf.RaggedTensor.from_row_lengths(
            tf.fill([tf.math.count_nonzero(follows)], self._tokenizer.vocabulary.mask_id),
            tf.cast(follows, tf.int64),
            validate=False,
        )
        token_ids = self._tokenizer.tokenize(pieces.flat_values)
        return pieces.with_flat_values(tf.concat([masks, token_ids], axis=1)).merge_dims(1, 2)

    def _find_masks(self, token_ids: tf.Tensor, width: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Finds the masks left in token_ids [n, length]: positions and whether there, [n, width].

        No text is tokenized to the mask's id, because "[" ends a word: each is one of ours.
        """
        places = tf.where(token_ids == self._tokenizer.vocabulary.mask_id)
        rows = tf.shape(token_ids)[0]
        positions = tf.RaggedTensor.from_value_rowids(
            tf.cast(places[:, 1], tf.int32),
            places[:, 0],
            nrows=tf.cast(rows, tf.int64),
            validate=False,
        )
        shape = tf.stack([rows, width])
        return positions.to_tensor(0, shape=shape), tf.sequence_mask(positions.row_lengths(), width)


def fill_pieces(pieces: tf.RaggedTensor, words: tf.Tensor) -> tf.Tensor:
    """Puts words between the pieces of texts.

    Args:
      pieces: ragged string [n, (pieces)], as MaskedTexts has them.
      words: string [n, width], width ≥ 1; a [MASK] stays where the word is "" or there is none.

    Returns:
      string [n].
    """
    number = tf.cast(tf.ragged.range(pieces.row_lengths()).flat_values, tf.int32) - 1
    row = tf.cast(pieces.value_rowids(), tf.int32)
    width = tf.shape(words)[1]
    column = tf.clip_by_value(number, 0, width - 1)
    before = tf.gather_nd(words, tf.stack([row, column], axis=1))
    before = tf.where((before == "") | (number >= width), MASK, before)
    before = tf.where(number < 0, "", before)
    filled = tf.strings.join([before, pieces.flat_values])
    return tf.strings.reduce_join(pieces.with_flat_values(filled), axis=-1)

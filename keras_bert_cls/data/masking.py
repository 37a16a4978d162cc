"""Dynamic masking for the masked language model, in the graph."""

import numpy as np
import tensorflow as tf

from keras_bert_cls.counter_random import random_uniform, random_words
from keras_bert_cls.data.config import MaskingConfig
from keras_bert_cls.text.vocabulary import Vocabulary

_LONGEST_WORD = 8

# Seed, step, first row, rows: what counter_random draws by.
_Place = tuple[tf.Tensor, tf.Tensor, tf.Tensor | int, tf.Tensor]


class TokenMasker:
    """Masks tokens; a function of the tokens and a seed.

    Args:
      vocabulary: names the special tokens and the ## pieces.
      config: see MaskingConfig. Words of more than 8 tokens (URLs, unspaced scripts) are chosen in
        parts of 8, so that a row predicts at most 7 tokens more than its share.
    """

    def __init__(self, vocabulary: Vocabulary, config: MaskingConfig):
        self._config = config
        self._mask_id = vocabulary.mask_id
        special = [
            vocabulary.pad_id,
            vocabulary.unk_id,
            vocabulary.cls_id,
            vocabulary.sep_id,
            vocabulary.mask_id,
        ]
        tokens = vocabulary.tokens
        self._replacements = np.setdiff1d(np.arange(len(tokens)), special).astype(np.int32)
        self._starts_word = np.array([not token.startswith("##") for token in tokens])
        # [UNK] may be predicted from context but teaches nothing; the frame tokens must stay.
        self._maskable = np.ones(len(tokens), bool)
        self._maskable[special] = False

    def __call__(
        self,
        token_ids: tf.Tensor,
        seed: tf.Tensor,
        word_starts: tf.Tensor | None = None,
        first_row: tf.Tensor | int = 0,
    ) -> dict[str, tf.Tensor]:
        """Masks a batch.

        Args:
          token_ids: int32 [batch, length].
          seed: int [2], such as (seed of the run, step), both at least 0, the first under 2**32;
            the same seed masks the same tokens.
          word_starts: bool [batch, length], where words start (such as Chinese words of several
            characters); by default at every token that does not begin with "##".
          first_row: int scalar, the place of the first row in the global batch, on which the draws
            depend. So workers that share a batch mask it as one alone would.

        Returns:
          A dict of
            token_ids: int32 [batch, length], masked;
            mask_positions: int32 [batch, masks], 0 where unused;
            mask_labels: int32 [batch, masks], the tokens that stood there;
            mask_weights: float32 [batch, masks], 1 for what is to be predicted, else 0.
        """
        maskable = tf.gather(self._maskable, token_ids)
        place = (seed[0], seed[1], first_row, tf.shape(token_ids)[0])
        chosen = self._choose(token_ids, maskable, place, word_starts)
        # No row has more predictions than this one: logits are the dearest part of the model.
        most = tf.maximum(1, tf.reduce_max(tf.reduce_sum(tf.cast(chosen, tf.int32), axis=1)))
        order = tf.argsort(tf.where(chosen, 0, 1), axis=1, stable=True)[:, :most]
        weights = tf.cast(tf.gather(chosen, order, batch_dims=1), tf.float32)
        positions = tf.where(weights > 0, order, 0)
        labels = tf.gather(token_ids, positions, batch_dims=1)
        return {
            "token_ids": tf.where(chosen, self._replace(token_ids, place), token_ids),
            "mask_positions": positions,
            "mask_labels": labels,
            "mask_weights": weights,
        }

    def _choose(self, token_ids, maskable, place: _Place, word_starts):
        """Chooses whole words until `rate` of the tokens is reached: bool [batch, length]."""
        shape = tf.shape(token_ids)
        length = shape[1]
        rate = self._config.rate
        wanted = tf.reduce_sum(tf.cast(maskable, tf.float32), axis=1, keepdims=True) * rate
        wanted = tf.maximum(tf.cast(tf.round(wanted), tf.int32), 1)
        if word_starts is None:
            word_starts = tf.gather(self._starts_word, token_ids)
        if not self._config.whole_words:
            word_starts = tf.ones_like(maskable)
        # A frame token is a word by itself, whatever the text around it.
        word_starts |= ~maskable | tf.roll(~maskable, 1, axis=1)
        places = tf.broadcast_to(tf.range(length), shape)
        places -= _least_of_word(places, _words(word_starts))
        word = _words(word_starts | (places % _LONGEST_WORD == 0))
        draws = random_uniform("masked words", *place, length + 1)
        draws = tf.where(maskable, tf.gather(draws, word, batch_dims=1), 2.0)
        # Sorted by their word's draw, the tokens of a word stand together: a word is taken if it
        # begins within the wanted number of tokens.
        order = tf.argsort(draws, axis=1, stable=True)
        rank = tf.argsort(order, axis=1, stable=True)
        return maskable & (_least_of_word(rank, word) < wanted)

    def _replace(self, token_ids, place: _Place):
        """Returns what every token would become if chosen."""
        length = tf.shape(token_ids)[1]
        kind = random_uniform("kind of mask", *place, length)
        index = random_words("random tokens", *place, length) % len(self._replacements)
        random_ids = tf.gather(self._replacements, tf.cast(index, tf.int32))
        mask_share, random_share = self._config.mask_share, self._config.random_share
        other = tf.where(kind < mask_share + random_share, random_ids, token_ids)
        return tf.where(kind < mask_share, self._mask_id, other)


def _words(starts: tf.Tensor) -> tf.Tensor:
    """Numbers the words of a row given where they start: int32 [batch, length], at most length."""
    return tf.cumsum(tf.cast(starts, tf.int32), axis=1)


def _least_of_word(values: tf.Tensor, word: tf.Tensor) -> tf.Tensor:
    """Returns for each token the least of its word's values, int32 [batch, length]."""
    shape = tf.shape(word)
    segments = word + tf.range(shape[0])[:, tf.newaxis] * (shape[1] + 1)
    least = tf.math.unsorted_segment_min(values, segments, shape[0] * (shape[1] + 1))
    return tf.gather(least, segments)

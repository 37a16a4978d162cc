"""Google's limit on the length of a word: one of more than 200 characters is [UNK].

tf-text limits bytes, not characters. So it is given as many bytes as 200 characters can have, and
what it lets through of longer words is replaced here.
"""

import tensorflow as tf

from keras_bert_cls.text.vocabulary import Vocabulary, is_suffix, text_of

MAX_CHARACTERS = 200
MAX_BYTES = 4 * MAX_CHARACTERS


class WordLengthLimit:
    """Replaces the tokens of words that are too long by one [UNK].

    Args:
      vocabulary: the tokens.
    """

    def __init__(self, vocabulary: Vocabulary):
        tokens = vocabulary.tokens
        lengths = [len(text_of(token)) for token in tokens]
        # A word of no more tokens than this cannot be too long.
        self._harmless_tokens = MAX_CHARACTERS // max(lengths)
        self._unk_id = vocabulary.unk_id
        self._lengths = tf.constant(lengths, tf.int32)
        self._starts_word = tf.constant([not is_suffix(token) for token in tokens])

    def apply(self, token_ids: tf.RaggedTensor) -> tf.RaggedTensor:
        """Returns ragged int32 [n, (length)] for the same."""
        starts_word = tf.gather(self._starts_word, token_ids.values)
        starts = tf.where(starts_word)[:, 0]
        bounds = tf.concat([starts, [tf.size(starts_word, tf.int64)]], axis=0)
        suspect = tf.reduce_any(bounds[1:] - bounds[:-1] > self._harmless_tokens)
        # Nearly never so: worth a branch, for the replacement costs as much as tokenizing.
        return tf.cond(
            suspect,
            lambda: self._replace(token_ids, starts_word, bounds),
            lambda: token_ids,
        )

    def _replace(
        self, token_ids: tf.RaggedTensor, starts_word: tf.Tensor, bounds: tf.Tensor
    ) -> tf.RaggedTensor:
        token_lengths = tf.gather(self._lengths, token_ids.values)
        lengths_before = tf.concat([[0], tf.cumsum(token_lengths)], axis=0)
        at_bounds = tf.gather(lengths_before, bounds)
        too_long = at_bounds[1:] - at_bounds[:-1] > MAX_CHARACTERS
        word_of_token = tf.cumsum(tf.cast(starts_word, tf.int32)) - 1
        replaced = tf.gather(too_long, word_of_token)
        values = tf.where(replaced, self._unk_id, token_ids.values)
        return tf.ragged.boolean_mask(
            token_ids.with_values(values), token_ids.with_values(starts_word | ~replaced)
        )

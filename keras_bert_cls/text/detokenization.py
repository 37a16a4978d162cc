"""Tokens → readable text: WordPiece's "##" undone, blanks where people write them.

The original blanks, case and accents are lost in tokenization; this is a convention, not an
inverse. Words are separated by a blank, except around Chinese and Japanese characters and
full-width punctuation, before closing and after opening punctuation, and on both sides of
apostrophes, dashes, ellipses and slashes, and of a point or colon between digits.
"""

import unicodedata

import tensorflow as tf

from keras_bert_cls.text.vocabulary import CLS, PAD, SEP, Vocabulary, is_suffix, text_of

_DROPPED = (PAD, CLS, SEP)
_TIGHT = "'’-/—…"
_CLOSING = ".,!?;:%)]}”"
_OPENING = "([{#$@“"


class Detokenizer:
    """Joins token ids to text in the graph.

    Args:
      vocabulary: the tokens.
    """

    def __init__(self, vocabulary: Vocabulary):
        tokens = vocabulary.tokens
        self._pieces = tf.constant([text_of(token) for token in tokens])
        self._dropped = tf.constant([token in _DROPPED for token in tokens])
        self._joins_left = tf.constant([_joins_left(token) for token in tokens])
        self._joins_right = tf.constant([_joins_right(token) for token in tokens])

    def detokenize(self, token_ids: tf.RaggedTensor) -> tf.Tensor:
        """Returns string [n] for ragged int [n, (length)]; [PAD], [CLS] and [SEP] are left out."""
        token_ids = tf.ragged.boolean_mask(
            token_ids, token_ids.with_values(~tf.gather(self._dropped, token_ids.values))
        )
        values = token_ids.values
        joined = tf.gather(self._joins_left, values[1:]) | tf.gather(self._joins_right, values[:-1])
        # The first token of all has nothing before it; the first of each row is dealt with below.
        joined = tf.concat([tf.ones_like(values[:1], tf.bool), joined], axis=0)
        blanks = tf.where(joined, "", " ")
        pieces = token_ids.with_values(blanks + tf.gather(self._pieces, values))
        texts = tf.strings.reduce_join(pieces, axis=-1)
        texts = tf.strings.regex_replace(texts, "^ ", "")
        return tf.strings.regex_replace(texts, "([0-9][.:]) ([0-9])", r"\1\2")


def _joins_left(token: str) -> bool:
    return is_suffix(token) or token in _TIGHT or token in _CLOSING or _has_no_blanks(token[0])


def _joins_right(token: str) -> bool:
    return token in _TIGHT or token in _OPENING or _has_no_blanks(token[-1])


def _has_no_blanks(character: str) -> bool:
    """Whether the character is of a script that puts no blanks between words, or its punctuation.

    Those are the wide characters, except for Hangul, which does, and symbols such as emoji.
    """
    wide = unicodedata.east_asian_width(character) in ("W", "F")
    is_symbol = unicodedata.category(character).startswith("S")
    is_hangul = unicodedata.name(character, "").startswith("HANGUL")
    return wide and not is_symbol and not is_hangul

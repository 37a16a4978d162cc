"""The vocabulary of a checkpoint, fitted to its token embedding."""

import os
from collections.abc import Iterable

from keras_bert_cls.errors import UserError
from keras_bert_cls.text.vocabulary import Vocabulary, text_of


def fit_vocabulary(tokens: Iterable[str], rows: int, source: str | os.PathLike) -> Vocabulary:
    """Makes a vocabulary with a token for each row of the token embedding.

    Embeddings are at times longer than their vocabulary, for the speed of round sizes. The rows
    left over are named "[row 30522]" and so on, which no text gives.

    Args:
      tokens: the tokens.
      rows: of the token embedding.
      source: where the tokens stand, for messages.

    Raises:
      UserError: there are more tokens than rows, or the tokens make no vocabulary.
    """
    tokens = list(tokens)
    if len(tokens) > rows:
        raise UserError(
            f"{source}: the vocabulary has {len(tokens)} tokens, but the config says {rows}. Give "
            "the vocabulary that belongs to the weights."
        )
    return Vocabulary((*tokens, *(f"[row {row}]" for row in range(len(tokens), rows))))


def has_capitals(vocabulary: Vocabulary) -> bool:
    """Whether words with capitals stand in a vocabulary, so that it is a cased model's.

    Lower-cased text never gives such tokens. Not looked at are tokens that are no words: [CLS], and
    <S> and <T> in the Chinese vocabulary.
    """
    words = (text_of(token) for token in vocabulary.tokens)
    return any(word.isalpha() and word.lower() != word for word in words)

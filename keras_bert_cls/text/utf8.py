"""Strings of Python as the UTF-8 that models take."""

import itertools
from collections.abc import Iterable, Iterator

import numpy as np

from keras_bert_cls.errors import UserError


def encode_text(text: object, name: str, number: int) -> bytes:
    """Returns a text in UTF-8.

    Half of a surrogate pair, which JSON can spell, becomes bytes that are no UTF-8; the tokenizer
    takes these.

    Args:
      text: the text.
      name: what it is, for the error.
      number: which one of these, from 0, for the error.

    Raises:
      UserError: it is not a string.
    """
    if not isinstance(text, str):
        raise UserError(
            f"{name} number {number} (from 0) must be a string, got {type(text).__name__} "
            f"{text!r:.80}"
        )
    return text.encode("utf-8", "surrogatepass")


def encoded_batches(texts: Iterable[str], batch_size: int) -> Iterator[np.ndarray]:
    """Yields a stream of texts in UTF-8, bytes in object arrays of up to `batch_size`.

    Raises:
      UserError: `batch_size` is less than 1, `texts` is one string, or one of them is none.
    """
    if batch_size < 1:
        raise UserError(f"batch_size must be at least 1, got {batch_size}")
    if isinstance(texts, str | bytes):
        raise UserError(f"expected an iterable of strings as texts, got one: {texts!r:.80}")
    encoded = (encode_text(text, "text", number) for number, text in enumerate(texts))
    while batch := list(itertools.islice(encoded, batch_size)):
        yield np.array(batch, object)

"""Strings of Python as the UTF-8 that models take."""

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

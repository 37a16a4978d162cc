"""Texts that are written by filling masks after a prompt. Imports no TensorFlow."""

from keras_bert_cls.errors import UserError
from keras_bert_cls.masked_lm.answers import InfilledText
from keras_bert_cls.text.vocabulary import MASK


def masked_prompt(prompt: str, length: int) -> str:
    """Returns the text in which the tokens to write are masked."""
    return prompt + MASK * length


def check_generation(length: int, samples: int) -> None:
    """Raises UserError if nothing would be written."""
    if length < 1 or samples < 1:
        raise UserError(f"length and samples must be at least 1, got {length} and {samples}")


def check_generated(
    text: InfilledText, prompt: str, length: int, max_length: int | None = None
) -> None:
    """Raises UserError, with the model's length if given, if masks of a prompt were cut off."""
    missing = length + prompt.count(MASK) - len(text.tokens)
    known = "" if max_length is None else f", {max_length}"
    if missing:
        raise UserError(
            f"the prompt and {length} tokens exceed the model's length{known}, by {missing}. "
            "Shorten the prompt, or ask for fewer tokens."
        )

"""How much work a text is, guessed from its bytes before anybody has tokenized it."""

import dataclasses

import numpy as np

from keras_bert_cls.text.token_estimate import estimated_tokens

_SHORTEST_CLASS = 16


@dataclasses.dataclass(frozen=True)
class Cost:
    """The work of a request.

    Attributes:
      length_class: tokens of its longest text, rounded up to a power of two from 16. Texts of one
        class cost about the same, padded to the longest or not.
      tokens: length_class for each text: what the request takes of a batch.
      largest_text: bytes of its largest text.
    """

    length_class: int
    tokens: int
    largest_text: int


def cost_of(inputs: dict[str, np.ndarray], rows: int, max_tokens: int) -> Cost:
    """Guesses the cost of a request.

    Args:
      inputs: alias -> array; texts are `bytes` in object arrays.
      rows: of the request.
      max_tokens: to which the model cuts texts.
    """
    texts = [
        text
        for array in inputs.values()
        if array.dtype == object
        for text in array.ravel().tolist()
    ]
    longest = max(map(estimated_tokens, texts), default=0)
    length_class = _SHORTEST_CLASS
    while length_class < min(longest, max_tokens):
        length_class *= 2
    return Cost(length_class, length_class * max(1, rows), max(map(len, texts), default=0))

"""The columns that tokenized rows of every kind have in their store."""

from collections.abc import Sequence

import numpy as np
import tensorflow as tf

# token_ids: a packed sequence with its special tokens; first_length: tokens of its first segment;
# file, line: where the row comes from.
SEQUENCE_COLUMNS = {"first_length": "int32", "file": "int32", "line": "int64"}


def token_dtype(vocabulary_size: int) -> str:
    """Returns the smallest dtype that holds every token id."""
    return "uint16" if vocabulary_size <= 2**16 else "int32"


class SourceIndex:
    """Numbers files in the order in which they are met.

    Attributes:
      names: the files' names; the number is the place in the list.
    """

    def __init__(self):
        self.names: list[str] = []
        self._numbers: dict[str, int] = {}

    def number(self, name: str) -> int:
        """Returns the number of a file."""
        if name not in self._numbers:
            self._numbers[name] = len(self.names)
            self.names.append(name)
        return self._numbers[name]


def unpadded(packed: dict[str, tf.Tensor]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Takes the padding off what `pack_texts` returned.

    Returns:
      The token ids of all rows concatenated, the number of tokens of each row, and the number of
      tokens of each row's first segment.
    """
    token_ids, mask = packed["token_ids"].numpy(), packed["padding_mask"].numpy() > 0
    first = (packed["segment_ids"].numpy() == 0) & mask
    return token_ids[mask], mask.sum(axis=1), first.sum(axis=1).astype(np.int32)


def describe_sources(names: Sequence[str], files: np.ndarray, lines: np.ndarray) -> list[str]:
    """Returns file:line of rows given their file numbers and lines."""
    return [f"{names[file]}:{line}" for file, line in zip(files, lines, strict=True)]

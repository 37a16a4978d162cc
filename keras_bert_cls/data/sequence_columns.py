"""The columns that tokenized rows of every kind have in their store."""

from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from keras_bert_cls.text.packing import kept_lengths
from keras_bert_cls.text.vocabulary import Vocabulary

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


def framed_rows(
    vocabulary: Vocabulary, segments: Sequence[tf.RaggedTensor], max_length: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Returns the rows of `pack_texts` without padding.

    Args:
      vocabulary: knows the special tokens.
      segments: one or two ragged int32 [n, (length)] without special tokens.
      max_length: tokens a row has at most, special tokens included.

    Returns:
      The token ids of all rows concatenated, the number of tokens of each row, and the number of
      tokens of each row's first segment, [CLS] and [SEP] included; int32.
    """
    kept = [lengths.numpy() for lengths in kept_lengths(segments, max_length)]
    row_lengths = np.add.reduce(kept) + np.int32(1 + len(segments))
    place = np.cumsum(row_lengths) - row_lengths
    token_ids = np.empty(row_lengths.sum(), np.int32)
    token_ids[place] = vocabulary.cls_id
    place = place + 1
    for segment, counts in zip(segments, kept, strict=True):
        values = segment.flat_values.numpy()
        token_ids[_ranges(place, counts)] = values[_ranges(segment.row_starts().numpy(), counts)]
        place = place + counts
        token_ids[place] = vocabulary.sep_id
        place = place + 1
    return token_ids, row_lengths, kept[0] + np.int32(2)


def _ranges(starts: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Returns start, start + 1 … of each row, `counts` numbers a row, all rows concatenated."""
    before = np.cumsum(counts) - counts
    return np.arange(counts.sum()) + np.repeat(starts - before, counts)


def describe_sources(names: Sequence[str], files: np.ndarray, lines: np.ndarray) -> list[str]:
    """Returns file:line of rows given their file numbers and lines."""
    return [f"{names[file]}:{line}" for file, line in zip(files, lines, strict=True)]

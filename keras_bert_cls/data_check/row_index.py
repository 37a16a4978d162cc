"""Where every text stands, by small keys: 41 bytes a row, however long it is."""

import array
import hashlib

import numpy as np

from keras_bert_cls.data.text_keys import comparable_text, text_key
from keras_bert_cls.data_check.split_rows import SPLITS, CheckedRow, Target

END_BYTES = 60
"""How much of a text's start and end is compared: 60 Latin letters, 20 Chinese characters."""


class RowIndex:
    """Gathers a key of every row's text and keys of its ends, its target and its place.

    Texts that are shorter than END_BYTES have all of their letters and digits as both ends.
    """

    def __init__(self):
        self._keys, self._starts, self._ends = (array.array("Q") for _ in range(3))
        self._targets, self._files = array.array("i"), array.array("i")
        self._lines, self._splits = array.array("q"), array.array("b")
        self._file_numbers: dict[str, int] = {}
        self._target_numbers: dict[Target | None, int] = {}

    def add(self, checked: CheckedRow) -> None:
        """Notes a row."""
        row = checked.row
        key = text_key(row.text, row.text_pair)
        joined = "".join(comparable_text(text) for text in checked.texts)
        letters = "".join(filter(str.isalnum, joined)).encode() or key
        self._keys.append(_number(key))
        self._starts.append(_number(_digest(letters[:END_BYTES])))
        self._ends.append(_number(_digest(letters[-END_BYTES:])))
        self._targets.append(
            self._target_numbers.setdefault(checked.target, len(self._target_numbers))
        )
        self._files.append(self._file_numbers.setdefault(row.file, len(self._file_numbers)))
        self._lines.append(row.line)
        self._splits.append(SPLITS.index(checked.split))

    def __len__(self) -> int:
        return len(self._keys)

    @property
    def keys(self) -> np.ndarray:
        """uint64 [rows]: the same for the same text. Two others agree by chance in 2^-64."""
        return np.array(self._keys, np.uint64)

    @property
    def starts(self) -> np.ndarray:
        """uint64 [rows]: the same for texts that begin with the same letters and digits."""
        return np.array(self._starts, np.uint64)

    @property
    def ends(self) -> np.ndarray:
        """uint64 [rows]: the same for texts that end with the same letters and digits."""
        return np.array(self._ends, np.uint64)

    @property
    def targets(self) -> np.ndarray:
        """int32 [rows]: the same for equal targets; see `target`."""
        return np.array(self._targets, np.int32)

    def rows_of(self, split: str) -> np.ndarray:
        """Returns int64 [rows of the split]: their places in this index."""
        return np.flatnonzero(np.array(self._splits, np.int8) == SPLITS.index(split))

    def target(self, row: int) -> Target | None:
        """Returns what the model is to predict for a row."""
        return list(self._target_numbers)[self._targets[row]]

    def where(self, row: int) -> str:
        """Returns file:line of a row."""
        return f"{list(self._file_numbers)[self._files[row]]}:{self._lines[row]}"


def _digest(letters: bytes) -> bytes:
    return hashlib.blake2b(letters, digest_size=8).digest()


def _number(digest: bytes) -> int:
    return int.from_bytes(digest[:8], "little")

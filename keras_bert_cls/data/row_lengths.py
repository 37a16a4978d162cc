"""How long the rows of a column are, without a number in memory for each."""

import numpy as np


class RowLengths:
    """The number of values of each row, computed for the rows that are asked for.

    `len` tells the rows, `lengths[rows]` gives int64 [rows] for a slice or an array of row numbers,
    and numpy takes all of them for an array.

    Args:
      ends: where each row ends in the column's values, int64 [rows]; may be memory-mapped.
    """

    def __init__(self, ends: np.ndarray):
        self._ends = ends

    def __len__(self) -> int:
        return len(self._ends)

    def __getitem__(self, rows: slice | np.ndarray) -> np.ndarray:
        if isinstance(rows, slice):
            rows = np.arange(*rows.indices(len(self)))
        before = np.where(rows > 0, self._ends[rows - 1], 0)
        return np.asarray(self._ends[rows] - before)

    def __array__(self, dtype=None, copy=None) -> np.ndarray:
        return np.diff(self._ends, prepend=0).astype(dtype or np.int64, copy=False)

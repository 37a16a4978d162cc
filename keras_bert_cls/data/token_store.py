"""Tokenized rows on disk, memory-mapped: RAM does not grow with the data."""

import contextlib
import json
import os
import pathlib
import shutil
from collections.abc import Iterator, Mapping
from typing import BinaryIO

import numpy as np

from keras_bert_cls.data.row_lengths import RowLengths

_DESCRIPTION = "store.json"
_FORMAT = 1


class TokenStoreWriter:
    """Writes the columns of a store; use `write_token_store`.

    A column is either one value a row or, if ragged, a list of values a row.
    """

    def __init__(self, folder: pathlib.Path, columns: Mapping[str, str], ragged: frozenset[str]):
        self._columns, self._ragged = dict(columns), ragged
        self._files = contextlib.ExitStack()

        def create(name: str) -> BinaryIO:
            return self._files.enter_context(open(folder / name, "wb"))

        self._values = {name: create(f"{name}.bin") for name in columns}
        self._ends = {name: create(f"{name}.ends.bin") for name in ragged}
        self._totals = dict.fromkeys(ragged, 0)
        self.rows = 0

    def append(
        self, values: Mapping[str, np.ndarray], lengths: Mapping[str, np.ndarray] | None = None
    ) -> None:
        """Appends rows.

        Args:
          values: for every column the values of all new rows, concatenated.
          lengths: for every ragged column the number of values of each new row, int [rows].
        """
        lengths = lengths or {}
        counts = set()
        for name, dtype in self._columns.items():
            array = np.asarray(values[name]).astype(dtype, copy=False)
            if name in self._ragged:
                if len(array) != np.sum(lengths[name]):
                    raise ValueError(f"the lengths of {name} do not add up to {len(array)} values")
                ends = self._totals[name] + np.cumsum(lengths[name], dtype=np.int64)
                self._ends[name].write(ends.tobytes())
                self._totals[name] += len(array)
                counts.add(len(ends))
            else:
                counts.add(len(array))
            self._values[name].write(array.tobytes())
        if len(counts) != 1:
            raise ValueError(f"columns of different numbers of rows: {sorted(counts)}")
        self.rows += counts.pop()

    def close(self) -> None:
        """Closes the files."""
        self._files.close()


@contextlib.contextmanager
def write_token_store(
    folder: str | os.PathLike,
    columns: Mapping[str, str],
    ragged: tuple[str, ...],
    description: dict,
) -> Iterator[TokenStoreWriter]:
    """Writes a store that appears under its name only when it is whole.

    Args:
      folder: where the store goes; what is there is replaced.
      columns: numpy dtype by column.
      ragged: the columns that hold a list a row.
      description: JSON that `TokenStore.description` gives back; may be filled until the end.

    Yields:
      The writer.
    """
    target = pathlib.Path(folder)
    temporary = target.with_name(f".writing-{target.name}")
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir(parents=True)
    writer = TokenStoreWriter(temporary, columns, frozenset(ragged))
    try:
        yield writer
        writer.close()
        content = {
            "format": _FORMAT,
            "rows": writer.rows,
            "columns": dict(columns),
            "ragged": list(ragged),
            "description": description,
        }
        text = json.dumps(content, ensure_ascii=False)
        (temporary / _DESCRIPTION).write_text(text, encoding="utf-8")
    except BaseException:
        writer.close()
        shutil.rmtree(temporary, ignore_errors=True)
        raise
    shutil.rmtree(target, ignore_errors=True)
    os.rename(temporary, target)


class TokenStore:
    """Reads a store.

    Args:
      folder: what `write_token_store` wrote.

    Attributes:
      description: the JSON given at writing.
    """

    def __init__(self, folder: str | os.PathLike):
        self.folder = pathlib.Path(folder)
        content = json.loads((self.folder / _DESCRIPTION).read_text(encoding="utf-8"))
        self.description: dict = content["description"]
        self._rows: int = content["rows"]
        self._values = {
            name: self._map(f"{name}.bin", dtype) for name, dtype in content["columns"].items()
        }
        self._ends = {name: self._map(f"{name}.ends.bin", "int64") for name in content["ragged"]}

    @classmethod
    def exists(cls, folder: str | os.PathLike) -> bool:
        """Tells whether a whole store is there."""
        return (pathlib.Path(folder) / _DESCRIPTION).is_file()

    def _map(self, name: str, dtype: str) -> np.ndarray:
        path = self.folder / name
        if path.stat().st_size == 0:  # an empty file can't be mapped
            return np.zeros(0, dtype)
        return np.memmap(path, dtype=dtype, mode="r")

    def __len__(self) -> int:
        return self._rows

    def __contains__(self, column: str) -> bool:
        return column in self._values

    def is_ragged(self, column: str) -> bool:
        """Tells whether a column holds a list a row."""
        return column in self._ends

    def values(self, name: str) -> np.ndarray:
        """Returns a column, memory-mapped; if it is ragged the values of all rows together."""
        return self._values[name]

    def lengths(self, name: str) -> RowLengths:
        """Returns the number of values of each row of a ragged column."""
        return RowLengths(self._ends[name])

    def row(self, name: str, row: int) -> np.ndarray:
        """Returns the values of one row of a ragged column."""
        ends = self._ends[name]
        start = ends[row - 1] if row else 0
        return self._values[name][start : ends[row]]

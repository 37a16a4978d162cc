"""A float32 matrix on disk with a row for each row of a store; written once, and resumable."""

import os
import pathlib
import shutil
from collections.abc import Callable, Iterator, Sequence

import numpy as np

_WHOLE, _PARTIAL, _DIGEST = "values.bin", "values.partial.bin", "fingerprint"
_DTYPE = np.dtype("<f4")

# Given the first row that is missing, yields the rows from there on, a window at a time.
Windows = Callable[[int], Iterator[np.ndarray]]


def reuse_or_compute(
    folders: Sequence[str | os.PathLike],
    digest: str,
    shape: tuple[int, int],
    window_rows: int,
    compute: Windows,
) -> np.ndarray:
    """Opens the first matrix that was computed for `digest`, else computes one.

    A process that is killed leaves the windows that it finished; the next one goes on from there.
    The matrix appears under its name only when it is whole.

    Args:
      folders: where such a matrix may be; a new one goes into the last, a folder of its own.
      digest: changes with everything that the values depend on.
      shape: rows and columns.
      window_rows: rows of a window; only the last one may have fewer.
      compute: makes the windows, float32 [rows, columns].

    Returns:
      The matrix, float32 of `shape`, memory-mapped.
    """
    for folder in map(pathlib.Path, folders):
        if (folder / _WHOLE).is_file() and _digest_of(folder) == digest:
            return _open(folder, shape)
    last = pathlib.Path(folders[-1])
    if _digest_of(last) != digest:
        shutil.rmtree(last, ignore_errors=True)
        last.mkdir(parents=True)
        (last / _DIGEST).write_text(digest)
    _complete(last / _PARTIAL, shape, window_rows, compute)
    os.rename(last / _PARTIAL, last / _WHOLE)
    return _open(last, shape)


def _digest_of(folder: pathlib.Path) -> str:
    path = folder / _DIGEST
    return path.read_text() if path.is_file() else ""


def _complete(
    path: pathlib.Path, shape: tuple[int, int], window_rows: int, compute: Windows
) -> None:
    """Writes the windows that a file does not have yet."""
    rows, columns = shape
    row_bytes = columns * _DTYPE.itemsize
    with open(path, "ab") as file:
        done = min(rows, file.tell() // row_bytes // window_rows * window_rows)
        file.truncate(done * row_bytes)
        for values in compute(done) if done < rows else ():
            file.write(values.astype(_DTYPE).tobytes())
            file.flush()
            os.fsync(file.fileno())
            done += len(values)
    if done != rows:
        raise ValueError(f"expected {rows} rows, {done} were computed")


def _open(folder: pathlib.Path, shape: tuple[int, int]) -> np.ndarray:
    return np.memmap(folder / _WHOLE, dtype=_DTYPE, mode="r", shape=shape)

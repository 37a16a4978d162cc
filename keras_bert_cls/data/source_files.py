"""The files that paths and glob patterns name: their format, and how to open them."""

import contextlib
import dataclasses
import glob
import gzip
import lzma
import os
import re
import sys
import zlib
from collections.abc import Sequence
from io import BufferedReader
from typing import cast

from keras_bert_cls.data.table_spec import FILE_FORMATS
from keras_bert_cls.errors import UserError, closest

STDIN = "-"
Paths = str | os.PathLike | Sequence[str | os.PathLike]

# What reading a damaged or truncated file raises, packed or not.
READ_ERRORS = (EOFError, OSError, zlib.error, lzma.LZMAError)

_CHUNK_BYTES = 1 << 20
_COMPRESSIONS = {".gz": "gz", ".xz": "xz"}
_FORMATS = {
    ".txt": "txt",
    ".tsv": "tsv",
    ".csv": "csv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".parquet": "parquet",
    ".tfrecord": "tfrecord",
    ".tfrecords": "tfrecord",
}
_COMPRESSIONS_OF = {"parquet": (), "tfrecord": ("gz",)}
_SHARD_SUFFIX = re.compile(r"-\d+-of-\d+$")


@dataclasses.dataclass(frozen=True)
class SourceFile:
    """One file to read, or whole lines of one.

    Attributes:
      path: its path, or "-" for the standard input.
      file_format: one of FILE_FORMATS.
      compression: "gz", "xz" or None.
      start: first byte to read, the first of a line; 0 unless the file is plain text lines.
      end: the byte after the last to read, None for the file's end.
      lines_before: lines that stand before `start`.
    """

    path: str
    file_format: str
    compression: str | None = None
    start: int = 0
    end: int | None = None
    lines_before: int = 0

    @property
    def name(self) -> str:
        """What messages call the file."""
        return "<stdin>" if self.path == STDIN else self.path

    def where(self, line: int) -> str:
        """Returns file:line."""
        return f"{self.name}:{line}"

    def open(self) -> contextlib.AbstractContextManager[BufferedReader]:
        """Opens the file for reading its unpacked bytes; `read_lines` goes to `start`.

        Raises:
          UserError: the file cannot be opened.
        """
        if self.path == STDIN:
            return contextlib.nullcontext(cast(BufferedReader, sys.stdin.buffer))
        try:
            if self.compression == "gz":
                return cast(BufferedReader, gzip.open(self.path, "rb"))
            if self.compression == "xz":
                return cast(BufferedReader, lzma.open(self.path, "rb"))
            return open(self.path, "rb")
        except OSError as error:
            raise UserError(f"{self.path}: cannot be opened: {error.strerror}") from error

    def cut_short(self, where: str, error: Exception) -> UserError:
        """Returns the UserError for one of READ_ERRORS, met at `where`."""
        return UserError(
            f"{where}: the file cannot be read further: {error}. "
            "It is truncated or damaged: fetch or write it again."
        )

    def require_complete(self) -> None:
        """Reads the file to its end.

        Raises:
          UserError: it is truncated or damaged so that it cannot be unpacked.
        """
        try:
            with self.open() as stream:
                while stream.read(_CHUNK_BYTES):
                    pass
        except READ_ERRORS as error:
            raise self.cut_short(self.name, error) from error


def find_files(paths: Paths, file_format: str | None = None) -> list[SourceFile]:
    """Finds the files that paths and glob patterns name.

    Args:
      paths: one path or several; a pattern stands for its matches in sorted order.
      file_format: one of FILE_FORMATS; None takes each file's from its extension.

    Returns:
      The files in the order given.

    Raises:
      UserError: a path is missing or a directory, a pattern matches nothing, or no format is known.
    """
    several = [paths] if isinstance(paths, str | os.PathLike) else paths
    found = [path for given in several for path in _expand(os.fspath(given))]
    if not found:
        raise UserError("no files were given: expected at least one path")
    return [find_file(path, file_format) for path in found]


def find_file(path: str | os.PathLike, file_format: str | None = None) -> SourceFile:
    """Finds the one file at `path`, which is no pattern; else as `find_files`."""
    name = os.fspath(path)
    if os.path.isdir(name):
        raise UserError(
            f"{name}: is a directory, expected a file. Name its files, for example "
            f"'{os.path.join(name, '*.txt')}'."
        )
    if name != STDIN and not os.path.exists(name):
        raise UserError(f"{name}: no such file.{_nearest_file(name)}")
    return _source_file(name, file_format)


def _expand(path: str) -> list[str]:
    if os.path.exists(path) or not glob.has_magic(path):
        return [path]
    matches = sorted(p for p in glob.glob(path, recursive=True) if not os.path.isdir(p))
    if not matches:
        raise UserError(f"{path}: no file matches this pattern")
    return matches


def _nearest_file(path: str) -> str:
    folder, name = os.path.split(path)
    if not os.path.isdir(folder or "."):
        return f" The folder {folder!r} does not exist."
    return closest(name, os.listdir(folder or "."))


def _source_file(path: str, file_format: str | None) -> SourceFile:
    stem, extension = os.path.splitext(path)
    compression = _COMPRESSIONS.get(extension.lower())
    chosen = file_format or _format_by_name(stem if compression else path)
    if compression not in (None, *_COMPRESSIONS_OF.get(chosen, ("gz", "xz"))):
        raise UserError(f"{path}: {chosen} files are not read from .{compression}; unpack it first")
    if path == STDIN and chosen in _COMPRESSIONS_OF:
        raise UserError(f"{chosen} cannot be read from the standard input: give a file")
    return SourceFile(path, chosen, compression)


def _format_by_name(path: str) -> str:
    if path == STDIN:
        return "txt"
    extension = os.path.splitext(_SHARD_SUFFIX.sub("", path))[1].lower()
    if extension not in _FORMATS:
        raise UserError(
            f"{path}: the extension {extension!r} names no format that is read here; "
            f"give file_format, one of {FILE_FORMATS}"
        )
    return _FORMATS[extension]

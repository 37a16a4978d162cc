"""How the packing of text files is cut into units of work. Imports no TensorFlow."""

import dataclasses
import os
from collections.abc import Iterable, Iterator

from keras_bert_cls.data.source_files import STDIN, SourceFile
from keras_bert_cls.errors import UserError

_CHUNK_BYTES = 1 << 20

# Files, or parts of them, that one process packs in one go.
Unit = tuple[SourceFile, ...]


def source_stats(files: Iterable[SourceFile]) -> list[tuple[str, int, int]]:
    """Returns name, bytes and date (in nanoseconds) of files, to see whether they have changed.

    Raises:
      UserError: the standard input is among them.
    """
    found = []
    for file in files:
        if file.path == STDIN:
            raise UserError("--files: the standard input cannot be read twice: give a file")
        stat = os.stat(file.path)
        found.append((file.name, stat.st_size, stat.st_mtime_ns))
    return found


def plan_units(
    files: Iterable[SourceFile], unit_bytes: int, one_document_per_line: bool
) -> Iterator[Unit]:
    """Cuts files into units of about `unit_bytes`, between documents.

    The sequences of all units, one after the other, are those of the files: no document is cut.
    Small files are taken together. Only plain txt files are cut.

    Args:
      files: in their order.
      unit_bytes: what a unit has at least, but for the last.
      one_document_per_line: see PretrainingData.
    """
    unit: list[SourceFile] = []
    size = 0
    for file in files:
        for part, part_bytes in _parts(file, unit_bytes, one_document_per_line):
            unit.append(part)
            size += part_bytes
            if size >= unit_bytes:
                yield tuple(unit)
                unit, size = [], 0
    if unit:
        yield tuple(unit)


def unit_bytes_of(unit: Unit) -> int:
    """Returns the bytes of a unit on disk."""
    return sum(
        (os.path.getsize(part.path) if part.end is None else part.end) - part.start for part in unit
    )


def unit_to_json(unit: Unit) -> list[dict]:
    """Returns what `unit_from_json` reads."""
    return [dataclasses.asdict(part) for part in unit]


def unit_from_json(content: list[dict]) -> Unit:
    """Returns the unit that `unit_to_json` wrote."""
    return tuple(SourceFile(**part) for part in content)


def _parts(
    file: SourceFile, part_bytes: int, one_document_per_line: bool
) -> Iterator[tuple[SourceFile, int]]:
    """Yields a file, or its parts, with the bytes of each."""
    size = os.path.getsize(file.path)
    if file.file_format != "txt" or file.compression is not None or size <= part_bytes:
        yield file, size
        return
    start = end = lines_before = lines = 0
    with open(file.path, "rb") as stream:
        while end < size:
            for chunk in _chunks(stream, part_bytes):
                lines += chunk.count(b"\n")
            # The rest of the line, which may be blank though the line is not, then of the document.
            lines += stream.readline().endswith(b"\n")
            while not one_document_per_line and (line := stream.readline()):
                lines += line.endswith(b"\n")
                if not line.strip():
                    break
            end = stream.tell()
            part = dataclasses.replace(file, start=start, end=end, lines_before=lines_before)
            yield part, end - start
            start, lines_before = end, lines


def _chunks(stream, count: int) -> Iterator[bytes]:
    """Reads `count` bytes."""
    while count and (chunk := stream.read(min(count, _CHUNK_BYTES))):
        count -= len(chunk)
        yield chunk

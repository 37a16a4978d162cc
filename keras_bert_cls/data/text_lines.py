"""Lines of text files, streamed: split on "\\n" only, decoded as UTF-8, numbered from 1."""

import codecs
from collections.abc import Iterable, Iterator
from typing import BinaryIO, NamedTuple

from keras_bert_cls.data.bad_rows import BadRows, RowError
from keras_bert_cls.data.source_files import READ_ERRORS, SourceFile
from keras_bert_cls.errors import UserError

# Bounds the memory that one line takes: a binary file, or one without line ends, stops here.
LONGEST_LINE_BYTES = 64 << 20

_FOREIGN_MARKS = {codecs.BOM_UTF16_LE: "UTF-16", codecs.BOM_UTF16_BE: "UTF-16"}


class Line(NamedTuple):
    """A line of a text file.

    Attributes:
      number: counts from 1.
      text: the line; bytes that are not UTF-8 stand in it as lone surrogates.
      problem: why the line cannot be used as text, None if it can.
    """

    number: int
    text: str
    problem: str | None = None


def read_lines(file: SourceFile, *, keep_ends: bool = False) -> Iterator[Line]:
    """Streams the lines of a text file.

    Lines end at "\\n" alone: U+2028, U+0085 and the like occur inside texts. A byte order mark
    at the start is dropped.

    Args:
      file: what to read.
      keep_ends: leaves "\\n" or "\\r\\n" at the end of each line.

    Raises:
      UserError: the file cannot be read to its end, is UTF-16, or has a line that is too long.
    """
    number, offset = file.lines_before, file.start
    with file.open() as stream:
        if file.start:  # the standard input can't seek
            stream.seek(file.start)
        while file.end is None or offset < file.end:
            if not (raw := _next_line(stream, file, number + 1)):
                return
            number += 1
            start = len(codecs.BOM_UTF8) if number == 1 and raw.startswith(codecs.BOM_UTF8) else 0
            if number == 1:
                _refuse_foreign_encoding(file, raw)
            body = raw[start:] if keep_ends else raw[start:].removesuffix(b"\n").removesuffix(b"\r")
            yield _decoded(number, body, offset + start)
            offset += len(raw)


def sound_lines(lines: Iterable[Line], file: SourceFile, bad_rows: BadRows) -> Iterator[Line]:
    """Yields the lines that can be used and gives the others to `bad_rows`."""
    for line in lines:
        if line.problem is None:
            yield line
        else:
            bad_rows.add(RowError("broken encoding", file.where(line.number), line.problem))


def without_trailing_blanks(lines: Iterable[Line]) -> Iterator[Line]:
    """Drops the empty lines at the end of a file; empty lines before a row stay."""
    blank: list[Line] = []
    for line in lines:
        if not line.text.strip("\r\n"):
            blank.append(line)
            continue
        yield from blank
        blank.clear()
        yield line


def _next_line(stream: BinaryIO, file: SourceFile, number: int) -> bytes:
    try:
        raw = stream.readline(LONGEST_LINE_BYTES + 1)
    except READ_ERRORS as error:
        raise file.cut_short(file.where(number), error) from error
    if len(raw) > LONGEST_LINE_BYTES:
        raise UserError(
            f"{file.where(number)}: the line is longer than {LONGEST_LINE_BYTES >> 20} MiB. "
            "Expected text with line ends ('\\n')."
        )
    return raw


def _refuse_foreign_encoding(file: SourceFile, raw: bytes) -> None:
    for mark, encoding in _FOREIGN_MARKS.items():
        if raw.startswith(mark):
            raise UserError(
                f"{file.where(1)}: the file is {encoding}, expected UTF-8. Convert it: "
                f"iconv -f {encoding} -t UTF-8 {file.name}"
            )


def _decoded(number: int, body: bytes, offset: int) -> Line:
    try:
        return Line(number, body.decode("utf-8"))
    except UnicodeDecodeError as error:
        problem = (
            f"not UTF-8: byte 0x{body[error.start]:02x} at byte {error.start + 1} of the line "
            f"(offset {offset + error.start} in the file). Chinese text in another encoding is "
            "often GB18030: iconv -f GB18030 -t UTF-8."
        )
        return Line(number, body.decode("utf-8", errors="surrogateescape"), problem)

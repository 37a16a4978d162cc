"""Lines of text files, streamed: split on "\\n" only, decoded as UTF-8, numbered from 1."""

import codecs
import io
from collections.abc import Iterable, Iterator
from io import BufferedReader
from typing import NamedTuple

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


class Lines(NamedTuple):
    """Lines of a text file that follow one another: work for many at a time.

    Attributes:
      first: number of the first line, counted from 1.
      texts: the lines, at least one.
      problem: see `Line`; a line with a problem is alone.
    """

    first: int
    texts: list[str]
    problem: str | None = None


def read_lines(file: SourceFile, *, keep_ends: bool = False) -> Iterator[Lines]:
    """Streams the lines of a text file, as many at a time as have been read from it.

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
            left = None if file.end is None else file.end - offset
            if not (raw := _next_lines(stream, file, number + 1, left)):
                return
            if number == 0:
                _refuse_foreign_encoding(file, raw)
            start = len(codecs.BOM_UTF8) if number == 0 and raw.startswith(codecs.BOM_UTF8) else 0
            for lines in _decoded(number + 1, raw[start:], offset + start, keep_ends):
                yield lines
                number += len(lines.texts)
            offset += len(raw)


def single_lines(blocks: Iterable[Lines]) -> Iterator[Line]:
    """Yields the lines one at a time."""
    for lines in blocks:
        for number, text in enumerate(lines.texts, lines.first):
            yield Line(number, text, lines.problem)


def sound_lines(blocks: Iterable[Lines], file: SourceFile, bad_rows: BadRows) -> Iterator[Lines]:
    """Yields the lines that can be used and gives the others to `bad_rows`."""
    for lines in blocks:
        if lines.problem is None:
            yield lines
        else:
            bad_rows.add(RowError("broken encoding", file.where(lines.first), lines.problem))


def without_trailing_blanks(blocks: Iterable[Lines]) -> Iterator[Lines]:
    """Drops the empty lines at the end of a file; empty lines before a row stay."""
    blank: list[Lines] = []
    for lines in blocks:
        end = len(lines.texts)
        while end and not lines.texts[end - 1].strip("\r\n"):
            end -= 1
        if end:
            yield from blank
            blank.clear()
            yield lines._replace(texts=lines.texts[:end])
        if end < len(lines.texts):
            blank.append(Lines(lines.first + end, lines.texts[end:]))


def _next_lines(stream: BufferedReader, file: SourceFile, number: int, left: int | None) -> bytes:
    """Returns the whole lines that the stream holds already, `left` bytes at most, or else one."""
    try:
        whole = stream.peek(1).rfind(b"\n", 0, left) + 1
        raw = stream.read(whole) if whole else stream.readline(LONGEST_LINE_BYTES + 1)
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


def _decoded(first: int, raw: bytes, offset: int, keep_ends: bool) -> Iterator[Lines]:
    """Decodes lines; where one of them is not UTF-8, each for itself."""
    try:
        texts = _texts(raw.decode("utf-8"), keep_ends)
    except UnicodeDecodeError:
        for number, line in enumerate(io.BytesIO(raw), first):
            body = line if keep_ends else line.removesuffix(b"\n").removesuffix(b"\r")
            yield _decoded_line(number, body, offset)
            offset += len(line)
    else:
        yield Lines(first, texts)


def _texts(text: str, keep_ends: bool) -> list[str]:
    if keep_ends:
        return list(io.StringIO(text, newline="\n")) or [text]
    texts = text.removesuffix("\n").split("\n")
    return [text.removesuffix("\r") for text in texts] if "\r" in text else texts


def _decoded_line(number: int, body: bytes, offset: int) -> Lines:
    try:
        return Lines(number, [body.decode("utf-8")])
    except UnicodeDecodeError as error:
        problem = (
            f"not UTF-8: byte 0x{body[error.start]:02x} at byte {error.start + 1} of the line "
            f"(offset {offset + error.start} in the file). Chinese text in another encoding is "
            "often GB18030: iconv -f GB18030 -t UTF-8."
        )
        return Lines(number, [body.decode("utf-8", errors="surrogateescape")], problem)

"""Documents for pretraining, streamed: lines of running text that belong together."""

import itertools
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from keras_bert_cls.data.bad_rows import BadRows
from keras_bert_cls.data.readers import rows_of_file, table_files
from keras_bert_cls.data.source_files import Paths, SourceFile
from keras_bert_cls.data.table_spec import TableSpec
from keras_bert_cls.data.text_lines import read_lines, sound_lines
from keras_bert_cls.errors import UserError


class Document(NamedTuple):
    """A document, or a part of a long one.

    Attributes:
      file: the file's path.
      line_numbers: where each of `lines` stands, from 1; in a table all in the line of the row.
      lines: the lines that are not blank.
    """

    file: str
    line_numbers: tuple[int, ...]
    lines: tuple[str, ...]


def iterate_documents(
    paths: Paths,
    text_column: str | int | None = None,
    file_format: str | None = None,
    *,
    one_document_per_line: bool = False,
    maximum_characters: int = 1_000_000,
    bad_rows: BadRows | None = None,
) -> Iterator[Document]:
    """Reads documents, one at a time.

    In txt files blank lines separate documents. In all other formats a row is a document; line
    breaks in its text separate its lines.

    Args:
      paths: one path or glob pattern or several.
      text_column: the column of the text in files that have columns.
      file_format: see TableSpec.
      one_document_per_line: makes each line of a txt file a document.
      maximum_characters: a longer document is yielded in parts of at most this length, between
        lines where possible, so that memory stays bounded.
      bad_rows: what to do with rows and lines that cannot be used; None stops at the first one.

    Raises:
      UserError: as `keras_bert_cls.data.readers.read_rows`.
    """
    spec = TableSpec(file_format=file_format, text_column=text_column)
    return documents_of_files(
        table_files(paths, spec),
        spec,
        one_document_per_line=one_document_per_line,
        maximum_characters=maximum_characters,
        bad_rows=bad_rows,
    )


def documents_of_files(
    files: Iterable[SourceFile],
    spec: TableSpec,
    *,
    one_document_per_line: bool = False,
    maximum_characters: int = 1_000_000,
    bad_rows: BadRows | None = None,
) -> Iterator[Document]:
    """Reads the documents of files, or of parts of them, that `table_files` has checked.

    Args and errors are those of `iterate_documents`.
    """
    if maximum_characters < 1:
        raise UserError(f"maximum_characters must be at least 1, got {maximum_characters}")
    bad_rows = BadRows(option=None) if bad_rows is None else bad_rows
    return (
        document
        for file in files
        for lines in _groups_of_lines(file, spec, one_document_per_line, bad_rows)
        for document in _parts(file.name, lines, maximum_characters)
    )


_NumberedLines = Iterable[tuple[int, str]]


def _groups_of_lines(
    file: SourceFile, spec: TableSpec, one_document_per_line: bool, bad_rows: BadRows
) -> Iterator[_NumberedLines]:
    """Yields lines that `_parts` may read together: whole files of txt, else single documents."""
    if file.file_format != "txt":
        for row in rows_of_file(file, spec, bad_rows):
            texts = (text.removesuffix("\r") for text in row.text.split("\n"))
            yield [(row.line, text) for text in texts if text.strip()]
        return
    lines = itertools.chain.from_iterable(
        enumerate(block.texts, block.first)
        for block in sound_lines(read_lines(file), file, bad_rows)
    )
    if one_document_per_line:
        for line in lines:
            yield [line]
    else:
        yield lines


def _parts(name: str, lines: _NumberedLines, maximum_characters: int) -> Iterator[Document]:
    """Makes a document of the lines up to each blank line, or up to where a part is full."""
    part: list[tuple[int, str]] = []
    size = 0
    for number, text in lines:
        if not text.strip():
            if part:
                yield _document(name, part)
            part, size = [], 0
            continue
        whole = len(text) <= maximum_characters
        for piece in (text,) if whole else _pieces(text, maximum_characters):
            if part and size + len(piece) > maximum_characters:
                yield _document(name, part)
                part, size = [], 0
            part.append((number, piece))
            size += len(piece)
    if part:
        yield _document(name, part)


def _document(name: str, part: list[tuple[int, str]]) -> Document:
    numbers, texts = zip(*part, strict=True)
    return Document(name, numbers, texts)


def _pieces(text: str, length: int) -> list[str]:
    return [text[start : start + length] for start in range(0, len(text), length)]

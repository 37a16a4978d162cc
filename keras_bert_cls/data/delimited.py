"""Rows of tsv files (no quoting) and csv files (RFC 4180 quoting)."""

import csv
import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from keras_bert_cls.data.bad_rows import BadRows, RowError
from keras_bert_cls.data.columns import Positions, find_columns
from keras_bert_cls.data.rows import Record, Row, checked_rows, rows_of_columns
from keras_bert_cls.data.source_files import SourceFile
from keras_bert_cls.data.table_spec import DELIMITERS, TableSpec
from keras_bert_cls.data.text_lines import (
    LONGEST_LINE_BYTES,
    read_lines,
    single_lines,
    without_trailing_blanks,
)
from keras_bert_cls.errors import UserError

# Bounds the memory that a quote without an end takes.
_LONGEST_ROW_CHARACTERS = LONGEST_LINE_BYTES

# csv.reader ends rows at "\r" too, for us it is text unless it ends the line. It goes through the
# reader as a lone surrogate, which stands in no decoded text.
_RETURN_IN_TEXT = re.compile(r"\r(?!\n?\Z)")
_RETURN_IN_READER = "\udc0d"


class _Fields(NamedTuple):
    """The fields of a row that starts at `line`, or why there are none."""

    line: int
    fields: list[str]
    error: RowError | None = None


class _Layout(NamedTuple):
    """What the first row said about all rows."""

    line: int
    width: int
    positions: Positions


def tsv_rows(file: SourceFile, spec: TableSpec, bad_rows: BadRows) -> Iterator[Row]:
    """Streams the rows of a tsv file: a line is a row, quotes mean nothing."""
    delimiter = spec.delimiter or DELIMITERS["tsv"]
    table = _Table(file, spec, bad_rows)
    for lines in without_trailing_blanks(read_lines(file)):
        fields = [text.split(delimiter) for text in lines.texts]
        rows = None if lines.problem else table.ordinary_rows(lines.first, fields)
        if rows is None:
            error = _line_error(file, lines.first, lines.problem)
            numbered = enumerate(fields, lines.first)
            records = table.records(_Fields(number, row, error) for number, row in numbered)
            rows = checked_rows(records, file, spec, bad_rows)
        yield from rows
    table.require_header()


def csv_records(file: SourceFile, spec: TableSpec, bad_rows: BadRows) -> Iterator[Record]:
    """Streams the records of a csv file; quoted fields may hold delimiters and line breaks."""
    table = _Table(file, spec, bad_rows)
    yield from table.records(_csv_rows(file, spec.delimiter or DELIMITERS["csv"]))
    table.require_header()


class _Table:
    """Makes records of fields; the first row says where the columns are."""

    def __init__(self, file: SourceFile, spec: TableSpec, bad_rows: BadRows):
        self._file, self._spec, self._bad_rows = file, spec, bad_rows
        self._layout: _Layout | None = None

    def records(self, rows: Iterable[_Fields]) -> Iterator[Record]:
        """Yields the records of rows, gives those that are none to `bad_rows`."""
        for row in rows:
            if row.error is not None:
                if self._layout is None and self._spec.has_header:
                    raise row.error
                self._bad_rows.add(row.error)
                continue
            if self._layout is None:
                self._layout = _layout(row, self._file, self._spec)
                if self._spec.has_header:
                    continue
            layout = self._layout
            if len(row.fields) != layout.width:
                self._bad_rows.add(_ragged(row, layout, self._file))
                continue
            text, text_pair, label = (
                None if p is None else row.fields[p] for p in layout.positions
            )
            yield Record(row.line, text, text_pair, label)

    def ordinary_rows(self, first: int, rows: list[list[str]]) -> Iterator[Row] | None:
        """Makes rows of lines all at once; None if one of them may need a word of its own."""
        if self._layout is None or set(map(len, rows)) != {self._layout.width}:
            return None
        columns = list(zip(*rows, strict=True))
        wanted = (None if p is None else columns[p] for p in self._layout.positions)
        return rows_of_columns(self._file.name, first, wanted)

    def require_header(self) -> None:
        """Raises UserError if there should have been a first row with names."""
        if self._layout is None and self._spec.has_header:
            raise UserError(f"{self._file.name}: the file is empty; expected a row of column names")


def _layout(row: _Fields, file: SourceFile, spec: TableSpec) -> _Layout:
    width = len(row.fields)
    names = row.fields if spec.has_header else [str(index) for index in range(width)]
    first_row = None if spec.has_header else row.fields
    positions = find_columns(spec, names, file.where(row.line), first_row)
    return _Layout(row.line, width, positions)


def _ragged(row: _Fields, layout: _Layout, file: SourceFile) -> RowError:
    if row.fields == [""]:
        return RowError("empty line", file.where(row.line), "the line is empty.")
    expected = f"{layout.width} field{'s' if layout.width > 1 else ''} as in line {layout.line}"
    message = f"expected {expected}, got {len(row.fields)}. Does a text hold the delimiter?"
    return RowError("ragged row", file.where(row.line), message)


def _line_error(file: SourceFile, line: int, problem: str | None) -> RowError | None:
    return None if problem is None else RowError("broken encoding", file.where(line), problem)


def _csv_rows(file: SourceFile, delimiter: str) -> Iterator[_Fields]:
    # The limit is the process's own and 128 KiB at first: too little for a document. Only raise it.
    csv.field_size_limit(max(csv.field_size_limit(), _LONGEST_ROW_CHARACTERS))
    lines = _LinesOfRow(file)
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    while True:
        lines.start_row()
        try:
            fields = next(reader, None)
        except csv.Error as error:
            if lines.exhausted:
                raise UserError(
                    f"{file.where(lines.first)}: a quote in the row that starts here is never "
                    "closed. Write a quote inside a text as two, and put the text in quotes."
                ) from error
            yield _Fields(lines.first, [], lines.error or lines.quoting_error(error))
            continue
        if fields is None:
            return
        if lines.has_returns:
            fields = [field.replace(_RETURN_IN_READER, "\r") for field in fields]
        yield _Fields(lines.first, fields or [""], lines.error)


class _LinesOfRow:
    """Hands lines to csv.reader and keeps account of the current row.

    Attributes:
      first: line at which the row starts.
      last: line that was handed out last.
      error: the row's line that is not UTF-8, None if all are.
      has_returns: whether _RETURN_IN_READER stands in the row.
      exhausted: whether the reader asked for more than there is.
    """

    def __init__(self, file: SourceFile):
        self._file = file
        self._lines = single_lines(without_trailing_blanks(read_lines(file, keep_ends=True)))
        self.exhausted = False
        self.start_row()

    def start_row(self) -> None:
        self.first = self.last = 0
        self.error: RowError | None = None
        self.has_returns = False
        self._characters = 0

    def __iter__(self) -> "_LinesOfRow":
        return self

    def __next__(self) -> str:
        line = next(self._lines, None)
        if line is None:
            self.exhausted = True
            raise StopIteration
        self.first = self.first or line.number
        self.last = line.number
        self.error = self.error or _line_error(self._file, line.number, line.problem)
        self._characters += len(line.text)
        if self._characters > _LONGEST_ROW_CHARACTERS:
            raise UserError(
                f"{self._file.where(self.first)}: the row that starts here is longer than "
                f"{_LONGEST_ROW_CHARACTERS >> 20} Mi characters. Is a quote never closed?"
            )
        text, returns = line.text, 0
        if "\r" in text:
            text, returns = _RETURN_IN_TEXT.subn(_RETURN_IN_READER, text)
        self.has_returns = self.has_returns or returns > 0
        return text

    def quoting_error(self, error: csv.Error) -> RowError:
        lines = f"lines {self.first} to {self.last}" if self.last > self.first else "the line"
        message = f"{lines} cannot be read as csv: {error}."
        return RowError("broken quoting", self._file.where(self.first), message)

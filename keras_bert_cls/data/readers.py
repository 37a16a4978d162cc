"""Reads examples and texts from files, one row at a time: memory does not grow with the files."""

import itertools
from collections.abc import Iterator

from keras_bert_cls.data.bad_rows import BadRows
from keras_bert_cls.data.delimited import csv_records, tsv_rows
from keras_bert_cls.data.json_lines import jsonl_records
from keras_bert_cls.data.parquet import parquet_records
from keras_bert_cls.data.rows import Record, Row, checked_rows, rows_of_columns
from keras_bert_cls.data.source_files import Paths, SourceFile, find_files
from keras_bert_cls.data.table_spec import TableSpec
from keras_bert_cls.data.text_lines import read_lines, sound_lines, without_trailing_blanks
from keras_bert_cls.data.tfrecord import tfrecord_records
from keras_bert_cls.errors import UserError


def read_rows(paths: Paths, spec: TableSpec, bad_rows: BadRows | None = None) -> Iterator[Row]:
    """Reads rows, one at a time.

    The spec and the paths are checked by the call, each file's content when its turn comes.

    Args:
      paths: one path or glob pattern or several, such as `spec.files`.
      spec: the format and the columns; its `files` are not looked at.
      bad_rows: what to do with rows that cannot be used; None stops at the first one.

    Returns:
      An iterator over the rows, in the order of the paths.

    Raises:
      UserError: the spec is wrong, a file is missing or damaged, a column is not there, or
        (unless `bad_rows` skips them) a row cannot be used. Says file:line.
    """
    files = table_files(paths, spec)
    return _rows_of_files(files, spec, BadRows(option=None) if bad_rows is None else bad_rows)


def iterate_texts(
    paths: Paths,
    text_column: str | int | None = None,
    file_format: str | None = None,
    bad_rows: BadRows | None = None,
) -> Iterator[str]:
    """Reads the text of every row; of txt files every line that is not blank.

    Args and errors are those of `read_rows` and TableSpec.
    """
    spec = TableSpec(file_format=file_format, text_column=text_column)
    files = table_files(paths, spec)
    return _texts_of_files(files, spec, BadRows(option=None) if bad_rows is None else bad_rows)


def table_files(paths: Paths, spec: TableSpec) -> list[SourceFile]:
    """Finds the files to read with `spec` and checks that it suits their formats.

    Raises:
      UserError: the spec is wrong by itself or for the files, or a file is missing.
    """
    spec.validate()
    files = find_files(paths, spec.file_format)
    plain = [file for file in files if file.file_format == "txt"]
    hint = "If tabs or commas separate columns, give file_format 'tsv' or 'csv'."
    if plain and (spec.label_column is not None or spec.text_pair_column is not None):
        raise UserError(
            f"{plain[0].name}: read as txt, one text a line, so it has neither label_column nor "
            f"text_pair_column. {hint}"
        )
    # Beside files with columns, text_column means those, and a txt file needs none.
    if len(plain) == len(files) and spec.text_column is not None:
        raise UserError(
            f"{plain[0].name}: read as txt, one text a line, so it has no text_column "
            f"{spec.text_column!r}. {hint}"
        )
    return files


def rows_of_file(file: SourceFile, spec: TableSpec, bad_rows: BadRows) -> Iterator[Row]:
    """Reads the rows of one file; see `read_rows`."""
    if file.file_format == "txt":
        return _txt_rows(file, spec, bad_rows)
    if file.file_format == "tsv":
        return tsv_rows(file, spec, bad_rows)
    return checked_rows(_records(file, spec, bad_rows), file, spec, bad_rows)


def _rows_of_files(files: list[SourceFile], spec: TableSpec, bad_rows: BadRows) -> Iterator[Row]:
    for file in files:
        yield from rows_of_file(file, spec, bad_rows)


def _texts_of_files(files: list[SourceFile], spec: TableSpec, bad_rows: BadRows) -> Iterator[str]:
    for file in files:
        if file.file_format == "txt":
            for lines in sound_lines(read_lines(file), file, bad_rows):
                yield from filter(str.strip, lines.texts)
        else:
            for row in rows_of_file(file, spec, bad_rows):
                yield row.text


def _records(file: SourceFile, spec: TableSpec, bad_rows: BadRows) -> Iterator[Record]:
    match file.file_format:
        case "csv":
            return csv_records(file, spec, bad_rows)
        case "jsonl":
            return jsonl_records(file, spec, bad_rows)
        case "parquet":
            return parquet_records(file, spec)
        case "tfrecord":
            return tfrecord_records(file, spec, bad_rows)
    raise AssertionError(file.file_format)


def _txt_rows(file: SourceFile, spec: TableSpec, bad_rows: BadRows) -> Iterator[Row]:
    for lines in sound_lines(without_trailing_blanks(read_lines(file)), file, bad_rows):
        rows = rows_of_columns(file.name, lines.first, (lines.texts, None, None))
        if rows is None:
            records = itertools.starmap(Record, enumerate(lines.texts, lines.first))
            rows = checked_rows(records, file, spec, bad_rows)
        yield from rows

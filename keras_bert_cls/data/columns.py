"""Finds the columns that a spec asks for among those that a file or a record has."""

from collections.abc import Iterable, Mapping, Sequence
from typing import NoReturn

from keras_bert_cls.data.bad_rows import RowError
from keras_bert_cls.data.rows import Record
from keras_bert_cls.data.table_spec import TableSpec, column_index
from keras_bert_cls.errors import UserError, closest

_NAMES_SHOWN = 20
_CELL_SHOWN = 40

Positions = tuple[int | None, int | None, int | None]


def find_columns(
    spec: TableSpec, names: Sequence[str], where: str, first_row: Sequence[str] | None = None
) -> Positions:
    """Returns the positions of text, second text and label in `names`, None where not wanted.

    Args:
      spec: which columns are wanted.
      names: of all columns.
      where: file:line, for errors.
      first_row: the row at `where`, for errors, if `names` are but numbers.

    Raises:
      UserError: a column is not there or there twice, or the spec has no text_column.
    """
    if spec.text_column is None:
        _refuse_without_text_column(names, where, first_row)
    text, text_pair, label = (
        None if column is None else _position(column, names, where) for column in spec.columns
    )
    return text, text_pair, label


def record_of_fields(
    line: int, fields: Mapping[str, object], spec: TableSpec, where: str
) -> Record:
    """Picks the values of text, second text and label of a record that names its own fields.

    Raises:
      UserError: the spec has no text_column.
      RowError: the record lacks a field that the spec asks for.
    """
    if spec.text_column is None:
        _refuse_without_text_column(fields, where)
    for column in spec.columns:
        if column is not None and str(column) not in fields:
            raise RowError("missing column", where, _no_such_column(column, fields))
    text, text_pair, label = (None if c is None else fields[str(c)] for c in spec.columns)
    return Record(line, text, text_pair, label)


def _refuse_without_text_column(
    names: Iterable[str], where: str, first_row: Sequence[str] | None = None
) -> NoReturn:
    row = ""
    if first_row is not None:
        cells = (
            cell if len(cell) <= _CELL_SHOWN else f"{cell[:_CELL_SHOWN]}…" for cell in first_row
        )
        row = f" The first row is {_listed(cells)}."
    raise UserError(
        f"{where}: text_column is not given. The columns are {_listed(names)}.{row} "
        "Name one with --text_column, or in a config with data.text_column."
    )


def _no_such_column(column: str | int, names: Iterable[str]) -> str:
    known = list(names)
    return f"no column {column!r}.{closest(str(column), known)} The columns are {_listed(known)}."


def _position(column: str | int, names: Sequence[str], where: str) -> int:
    if isinstance(column, str) and column in names:
        if names.count(column) > 1:
            raise UserError(
                f"{where}: several columns are named {column!r}; give the index instead"
            )
        return names.index(column)
    index = column_index(column)
    if index is None or index >= len(names):
        raise UserError(f"{where}: {_no_such_column(column, names)}")
    return index


def _listed(names: Iterable[str]) -> str:
    known = [repr(name) for name in names]
    rest = len(known) - _NAMES_SHOWN
    return ", ".join(known[:_NAMES_SHOWN]) + (f" and {rest} more" if rest > 0 else "")

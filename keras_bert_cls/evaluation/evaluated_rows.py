"""The rows that a model is judged on: read, checked, and with what they are sliced by."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np

from keras_bert_cls.data.bad_rows import BadRows, RowError
from keras_bert_cls.data.config import ClassificationData
from keras_bert_cls.data.labels import LabelSet, rows_with_targets
from keras_bert_cls.data.readers import read_rows
from keras_bert_cls.data.rows import Row
from keras_bert_cls.data.source_files import STDIN
from keras_bert_cls.data.targets import target_of
from keras_bert_cls.errors import UserError

# The id of a row that has none of the model's labels.
OUT_OF_SCOPE = -1

_NO_VALUE = "(none)"


@dataclasses.dataclass(frozen=True)
class EvaluatedRows:
    """Rows with their targets.

    Attributes:
      rows: as they stand in the files.
      targets: label ids int [rows], OUT_OF_SCOPE among them; for multi-label 0/1 [rows, labels];
        for regression float64 [rows].
      slices: column -> its value in each row, string [rows].
      skipped: a report for the user; "" if no row was skipped.
    """

    rows: tuple[Row, ...]
    targets: np.ndarray
    slices: Mapping[str, np.ndarray]
    skipped: str

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def in_scope(self) -> np.ndarray:
        """Whether a row can be right at all, bool [rows]."""
        if self.targets.ndim == 1 and self.targets.dtype.kind == "i":
            return self.targets != OUT_OF_SCOPE
        return np.ones(len(self.rows), bool)

    @property
    def texts(self) -> list[str]:
        """The texts."""
        return [row.text for row in self.rows]

    @property
    def text_pairs(self) -> list[str] | None:
        """The second texts; None if the rows have one text."""
        pairs = [row.text_pair for row in self.rows if row.text_pair is not None]
        return pairs or None

    def take(self, chosen: np.ndarray) -> "EvaluatedRows":
        """Returns some of the rows, by bool [rows]."""
        rows = tuple(self.rows[k] for k in np.flatnonzero(chosen))
        slices = {name: values[chosen] for name, values in self.slices.items()}
        return EvaluatedRows(rows, self.targets[chosen], slices, self.skipped)


def read_evaluated_rows(
    files: tuple[str, ...],
    table: ClassificationData,
    labels: tuple[str, ...],
    slice_columns: tuple[str, ...] = (),
    out_of_scope_label: str | None = None,
) -> EvaluatedRows:
    """Reads labelled rows. They are kept in memory.

    Args:
      files: paths and glob patterns.
      table: how to read them, and the task.
      labels: those of the model; empty for regression.
      slice_columns: other columns to keep.
      out_of_scope_label: what the data calls rows of none of the labels.

    Raises:
      UserError: a row cannot be used, a column is not there, or no row is left. Says file:line.
    """
    if slice_columns and STDIN in files:
        raise UserError("--slice_column reads the data twice: give a file instead of -")
    if out_of_scope_label is not None and table.task != "single_label":
        raise UserError("--out_of_scope_label is for models that give each row one label")
    if out_of_scope_label in labels:
        raise UserError(
            f"--out_of_scope_label {out_of_scope_label!r} is one of the model's own labels; "
            "give the name that the data has for rows of none of them"
        )
    bad_rows = BadRows(table.on_bad_row)
    unknown = BadRows(table.unknown_label, option="unknown_label")
    targets_of = _Targets(table, labels, out_of_scope_label)
    read = read_rows(files, table.table(files), bad_rows)
    pairs = list(rows_with_targets(read, targets_of, unknown))
    skipped = "\n".join(report for b in (bad_rows, unknown) if (report := b.summary()))
    rows = tuple(row for row, _ in pairs)
    targets = targets_of.array([target for _, target in pairs])
    slices = {name: _column(name, files, table, rows) for name in slice_columns}
    found = EvaluatedRows(rows, targets, slices, skipped)
    if not found.in_scope.any():
        raise UserError(f"no row with a label of the model is in {', '.join(files)}. {skipped}")
    return found


def what_was_read(rows: EvaluatedRows) -> str:
    """Returns how many rows there are, and what was skipped, for the user."""
    read = f"data: {len(rows):,} rows"
    if outside := len(rows) - int(rows.in_scope.sum()):
        read += f", {outside:,} of them out of scope"
    return "\n".join(filter(None, (read, rows.skipped)))


class _Targets:
    """Turns the labels of rows into targets."""

    def __init__(self, table: ClassificationData, labels: tuple[str, ...], out_label: str | None):
        self._table = table
        self._labels = LabelSet(labels) if labels else None
        self._out_label = out_label

    def __call__(self, row: Row) -> Any:
        if self._out_label is not None and row.label == self._out_label:
            return OUT_OF_SCOPE
        try:
            return target_of(row, self._table, self._labels)
        except RowError as error:
            if error.kind != "unknown label" or self._table.task != "single_label":
                raise
            message = str(error).removeprefix(f"{error.where}: ")
            hint = "If it stands for none of them, give it as --out_of_scope_label."
            raise RowError(error.kind, error.where, f"{message} {hint}") from error

    def array(self, targets: list[Any]) -> np.ndarray:
        if self._table.task != "multi_label" or self._labels is None:
            return np.array(targets, np.float64 if self._labels is None else np.int64)
        matrix = np.zeros((len(targets), len(self._labels)), np.int64)
        for number, ids in enumerate(targets):
            matrix[number, list(ids)] = 1
        return matrix


def _column(
    name: str, files: tuple[str, ...], table: ClassificationData, rows: tuple[Row, ...]
) -> np.ndarray:
    """Returns a column's values, by reading it as if it were the label."""
    spec = dataclasses.replace(
        table.table(files),
        text_pair_column=None,
        label_column=name,
        header=table.table(files).has_header,
    )
    problems = spec.problems()
    if problems:
        raise UserError(f"--slice_column {name}: {problems[0]}")
    # Rows without a value are left out as unlabelled ones are: they make a slice of their own.
    # In jsonl a column that no row has is such a row too.
    skipped = BadRows("skip")
    values = {(row.file, row.line): row.label for row in read_rows(files, spec, skipped)}
    if not values:
        raise UserError(f"--slice_column {name}: no row has a value.\n{skipped.summary()}")
    found = [values.get((row.file, row.line), _NO_VALUE) for row in rows]
    return np.array([", ".join(v) if isinstance(v, tuple) else v for v in found], object)

"""Label names and their ids; targets of single-label, multi-label and regression tasks."""

import math
import os
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

from keras_bert_cls.data.bad_rows import BadRows, RowError
from keras_bert_cls.data.label_structure import are_integers
from keras_bert_cls.data.rows import Label, Row
from keras_bert_cls.data.source_files import find_file
from keras_bert_cls.data.text_lines import read_lines, single_lines, without_trailing_blanks
from keras_bert_cls.errors import UserError, closest

SEPARATOR = ","
_TARGETS_KEPT = 10_000

_Target = TypeVar("_Target")


class LabelSet:
    """The label names of a task; a label's id is its position.

    Attributes:
      names: the labels, each once.
    """

    def __init__(self, names: Iterable[str]):
        """Takes the names in the order given.

        Raises:
          UserError: no name, or one twice, empty, with white space around it or a line break in it.
        """
        self.names = tuple(names)
        if not self.names:
            raise UserError("there are no labels: expected at least one")
        self._ids = {name: index for index, name in enumerate(self.names)}
        for index, name in enumerate(self.names):
            if not name or name != name.strip() or "\n" in name:
                raise UserError(f"label {name!r} must be one line without white space around it")
            if self._ids[name] != index:
                raise UserError(f"label {name!r} is there twice")

    @classmethod
    def from_file(cls, path: str | os.PathLike) -> "LabelSet":
        """Reads a labels file: one label a line (ended by "\\n"), the first has id 0.

        Raises:
          UserError: the file is missing or empty, or a line is blank, twice there or not UTF-8.
        """
        file = find_file(path, "txt")
        lines_of: dict[str, int] = {}
        for line in single_lines(without_trailing_blanks(read_lines(file))):
            where = file.where(line.number)
            name = line.text.strip()
            if line.problem is not None:
                raise UserError(f"{where}: {line.problem}")
            if not name:
                raise UserError(f"{where}: the line is empty; expected one label a line")
            if name in lines_of:
                raise UserError(f"{where}: label {name!r} stands in line {lines_of[name]} already")
            lines_of[name] = line.number
        if not lines_of:
            raise UserError(f"{file.name}: the file is empty; expected one label a line")
        return cls(lines_of)

    @classmethod
    def from_rows(cls, rows: Iterable[Row], separator: str | None = None) -> "LabelSet":
        """Collects the labels of `rows`, sorted: by value if all are integers, else by code point.

        Args:
          rows: rows with labels.
          separator: what separates the labels of a multi-label field; None for single-label rows.
        """
        seen: set[str] = set()
        known: set[Label | None] = set()
        for row in rows:
            if row.label in known:
                continue
            known.add(row.label)
            if separator is None:
                seen.add(_single(row.label, row.where))
            else:
                seen.update(split_labels(row.label, row.where, separator))
        if are_integers(seen):
            return cls(sorted(seen, key=lambda name: (int(name), name)))
        return cls(sorted(seen))

    def __len__(self) -> int:
        return len(self.names)

    def save(self, path: str | os.PathLike) -> None:
        """Writes the labels file that `from_file` reads."""
        with open(path, "w", encoding="utf-8", newline="\n") as stream:
            stream.writelines(f"{name}\n" for name in self.names)

    def id_of(self, label: Label | None, where: str) -> int:
        """Returns the id of the one label of a row.

        Args:
          label: `Row.label`.
          where: `Row.where`, for the error.

        Raises:
          RowError: the label is unknown or missing, or there are several.
        """
        return self._id(_single(label, where), where)

    def ids_of(
        self, label: Label | None, where: str, separator: str = SEPARATOR
    ) -> tuple[int, ...]:
        """Returns the ids of the labels of a multi-label row, ascending, each once.

        Raises:
          RowError: a label is unknown or missing.
        """
        return tuple(
            sorted({self._id(name, where) for name in split_labels(label, where, separator)})
        )

    def _id(self, name: str, where: str) -> int:
        if name not in self._ids:
            hint = closest(name, self.names)
            message = f"label {name!r} is not among the {len(self)} labels.{hint}"
            raise RowError("unknown label", where, message)
        return self._ids[name]


def split_labels(label: Label | None, where: str, separator: str = SEPARATOR) -> tuple[str, ...]:
    """Returns the labels of a multi-label row: a list as it is, a string split at `separator`.

    Raises:
      RowError: a label is missing. (An empty list is none: it says that no label applies.)
    """
    if isinstance(label, tuple):
        return label
    names = tuple(name.strip() for name in (label or "").split(separator))
    if not all(names):
        message = f"a label is missing in {label!r} (separator {separator!r})."
        raise RowError("missing label", where, message)
    return names


def regression_value(label: Label | None, where: str) -> float:
    """Returns the label of a regression row as a number.

    Raises:
      RowError: it is no finite number, or missing.
    """
    text = _single(label, where)
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise RowError("broken label", where, f"expected a finite number, got {text!r}.")
    return value


def rows_with_targets(
    rows: Iterable[Row], target_of: Callable[[Row], _Target], bad_rows: BadRows
) -> Iterator[tuple[Row, _Target]]:
    """Pairs rows with what a model is to predict for them.

    Args:
      rows: rows with labels.
      target_of: returns the target of a row's label or raises RowError, for example
        `lambda row: labels.id_of(row.label, row.where)`. The same label has the same target.
      bad_rows: what to do with rows without a target, for example
        `BadRows("skip", option="unknown_label")`.
    """
    targets: dict[Label | None, _Target] = {}
    for row in rows:
        if row.label not in targets:
            if len(targets) == _TARGETS_KEPT:
                targets.clear()
            try:
                targets[row.label] = target_of(row)
            except RowError as error:
                bad_rows.add(error)
                continue
        yield row, targets[row.label]


def _single(label: Label | None, where: str) -> str:
    if label is None:
        raise RowError("missing label", where, "the label is missing.")
    if isinstance(label, tuple):
        raise RowError(
            "wrong type", where, f"expected one label, got the list {list(label)!r:.80}."
        )
    return label

"""What a model is to predict: the labels of a task and the targets of rows. Needs no TensorFlow."""

from collections.abc import Iterable

from keras_bert_cls.data.bad_rows import BadRows, RowError
from keras_bert_cls.data.config import ClassificationData
from keras_bert_cls.data.label_structure import are_integers
from keras_bert_cls.data.label_tree import LabelTree, inner_labels, path_problem
from keras_bert_cls.data.labels import LabelSet, regression_value, rows_with_targets, split_labels
from keras_bert_cls.data.readers import read_rows
from keras_bert_cls.data.rows import Row
from keras_bert_cls.data.text_keys import text_key
from keras_bert_cls.errors import UserError


def read_labels(config: ClassificationData) -> LabelSet | None:
    """Returns the labels of a task: from the labels file or the training data; None if regression.

    Raises:
      UserError: a file cannot be read, or fewer than two labels are there.
    """
    if config.task == "regression":
        return None
    if config.labels_file:
        labels = LabelSet.from_file(config.labels_file)
    else:
        rows = read_rows(
            config.train_files, config.table(config.train_files), BadRows(config.on_bad_row)
        )
        bad_labels = BadRows(config.unknown_label, option="unknown_label")
        labelled = rows_with_targets(rows, lambda row: _label_names(row, config), bad_labels)
        separator = config.label_separator if config.task == "multi_label" else None
        with_labels: Iterable[Row] = (row for row, _ in labelled)
        if path_separator := config.label_path_separator:
            with_labels = _without_inner_labels(with_labels, path_separator, bad_labels)
        labels = LabelSet.from_rows(with_labels, separator)
    if len(labels) < 2 and config.task == "single_label":
        place = config.labels_file or ", ".join(config.train_files)
        raise UserError(f"{place}: expected at least two labels, found only {labels.names[0]!r}")
    _check_structure(config, labels.names)
    return labels


def _label_names(row: Row, config: ClassificationData) -> tuple[str, ...]:
    if config.task == "multi_label":
        return split_labels(row.label, row.where, config.label_separator)
    names = LabelSet.from_rows([row]).names
    separator = config.label_path_separator
    if separator and (problem := path_problem(names[0], separator)):
        raise RowError("broken path", row.where, f"{problem}.")
    return names


def _without_inner_labels(
    rows: Iterable[Row], separator: str, bad_labels: BadRows
) -> Iterable[Row]:
    """Returns a row for each label that is a leaf; reports the first row of the others."""
    first: dict[str, Row] = {}
    for row in rows:
        first.setdefault(str(row.label), row)
    inner = inner_labels(first, separator)
    leaves = [label for label in first if label not in inner]
    for label in [label for label in first if label in inner]:
        bad_labels.add(_inner_label(first.pop(label), leaves, separator))
    return first.values()


def _inner_label(row: Row, labels: Iterable[str], separator: str) -> RowError:
    example = next(label for label in labels if label.startswith(f"{row.label}{separator}"))
    message = f"label {row.label!r} is no leaf of the tree: expected a whole path like {example!r}."
    return RowError("inner label", row.where, message)


def _check_structure(config: ClassificationData, names: tuple[str, ...]) -> None:
    place = config.labels_file or ", ".join(config.train_files)
    if separator := config.label_path_separator:
        if not any(separator in name for name in names):
            raise UserError(
                f"{place}: no label holds label_path_separator {separator!r}; one is {names[0]!r}"
            )
        try:
            LabelTree.from_labels(names, separator)
        except UserError as error:
            raise UserError(f"{place}: {error}") from error
    if config.ordered_labels and not config.labels_file and not are_integers(names):
        raise UserError(
            f"{place}: the order of the labels {', '.join(names[:5])} is not known: list them from "
            "the lowest to the highest in a labels_file, or use whole numbers"
        )


def held_out_texts(config: ClassificationData) -> set[bytes]:
    """Returns the `text_key` of the texts of dev and test, to be left out of training."""
    files = (*config.dev_files, *config.test_files)
    if not files:
        return set()
    rows = read_rows(files, config.table(files), BadRows(config.on_bad_row))
    return {text_key(row.text, row.text_pair) for row in rows}


def target_of(
    row: Row, config: ClassificationData, labels: LabelSet | None
) -> int | float | tuple[int, ...]:
    """Returns what a model is to predict: a label id, label ids (multi-label), or a number.

    Args:
      row: with a label.
      config: names the task.
      labels: from `read_labels`.

    Raises:
      RowError: the label is unknown, missing or broken.
    """
    if labels is None:
        return regression_value(row.label, row.where)
    if config.task == "multi_label":
        return labels.ids_of(row.label, row.where, config.label_separator)
    try:
        return labels.id_of(row.label, row.where)
    except RowError:
        separator = config.label_path_separator
        if separator and any(name.startswith(f"{row.label}{separator}") for name in labels.names):
            raise _inner_label(row, labels.names, separator) from None
        raise

"""What a model is to predict: the labels of a task and the targets of rows. Needs no TensorFlow."""

from keras_bert_cls.data.bad_rows import BadRows
from keras_bert_cls.data.config import ClassificationData
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
        labels = LabelSet.from_rows((row for row, _ in labelled), separator)
    if len(labels) < 2 and config.task == "single_label":
        place = config.labels_file or ", ".join(config.train_files)
        raise UserError(f"{place}: expected at least two labels, found only {labels.names[0]!r}")
    return labels


def _label_names(row: Row, config: ClassificationData) -> tuple[str, ...]:
    if config.task == "multi_label":
        return split_labels(row.label, row.where, config.label_separator)
    return LabelSet.from_rows([row]).names


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
    return labels.id_of(row.label, row.where)

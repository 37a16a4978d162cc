"""Texts that are there twice: within the data, and in what the model was trained on."""

import collections
import glob
import os
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from keras_bert_cls.data.bad_rows import BadRows
from keras_bert_cls.data.config import ClassificationData
from keras_bert_cls.data.readers import read_rows
from keras_bert_cls.data.rows import Row
from keras_bert_cls.data.targets import held_out_texts
from keras_bert_cls.data.text_keys import text_key

_MOST_SHOWN = 20


def text_keys(rows: Iterable[Row]) -> list[bytes]:
    """Returns the key of each row's texts; see `text_key` for what makes no difference."""
    return [text_key(row.text, row.text_pair) for row in rows]


def duplicates(rows: Sequence[Row]) -> dict[str, Any]:
    """Finds rows of the same text.

    Returns:
      rows: rows whose text stands in an earlier row already;
      contradicting: texts that have different labels in different rows;
      groups: such texts, contradicting ones first: text, text_pair, where and labels of their rows.
    """
    places = collections.defaultdict(list)
    for row, key in zip(rows, text_keys(rows), strict=True):
        places[key].append(row)
    repeated = [group for group in places.values() if len(group) > 1]
    contradicting = [group for group in repeated if len({_label(row) for row in group}) > 1]
    agreeing = [group for group in repeated if len({_label(row) for row in group}) == 1]
    return {
        "rows": sum(len(group) - 1 for group in repeated),
        "texts": len(repeated),
        "contradicting": len(contradicting),
        "groups": [
            {
                "text": group[0].text,
                "text_pair": group[0].text_pair,
                "where": [row.where for row in group[:_MOST_SHOWN]],
                "labels": [_label(row) for row in group[:_MOST_SHOWN]],
            }
            for group in [*contradicting, *agreeing][:_MOST_SHOWN]
        ],
    }


def in_training_data(rows: Sequence[Row], config: ClassificationData) -> np.ndarray | None:
    """Says which rows' texts the model was trained on.

    Training rows that the run left out, because their text stood in its dev or test files, were not
    trained on.

    Args:
      rows: the evaluated ones.
      config: the run's.

    Returns:
      bool [rows]; None if the run's training files are not there any more.

    Raises:
      UserError: a file is there and cannot be read.
    """
    files = config.train_files
    if config.drop_held_out_texts:
        files = (*files, *config.dev_files, *config.test_files)
    if not files or not all(os.path.exists(file) or glob.glob(file) for file in files):
        return None
    left_out = held_out_texts(config) if config.drop_held_out_texts else set()
    spec = config.table(config.train_files)
    trained = set(text_keys(read_rows(config.train_files, spec, BadRows(config.on_bad_row))))
    trained -= left_out
    return np.array([key in trained for key in text_keys(rows)], bool)


def _label(row: Row) -> str:
    return ", ".join(row.label) if isinstance(row.label, tuple) else str(row.label)

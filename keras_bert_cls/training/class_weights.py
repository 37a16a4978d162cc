"""Weights of labels in the loss."""

import math
from collections.abc import Iterable

import numpy as np

from keras_bert_cls.errors import UserError, closest
from keras_bert_cls.training.classes_config import ClassesConfig
from keras_bert_cls.training.config import HeadConfig

_ALL_ALIKE = ClassesConfig()


def class_weights(
    head: HeadConfig,
    labels: tuple[str, ...],
    targets: np.ndarray,
    rows: int,
    classes: ClassesConfig = _ALL_ALIKE,
) -> list[float] | None:
    """Returns a weight for each label, or None if all are 1.

    Args:
      head: "balanced" gives rows / (labels * rows of the label), else all weights are 1; weights
        that are given for a label replace these.
      labels: the names.
      targets: label ids of the training rows, int; for multi-label those of all rows together.
      rows: number of training rows.
      classes: whose weights are multiplied, and by what.

    Raises:
      UserError: a weight is given for a label that is not there, or is not over 0 and finite.
    """
    given = dict(head.class_weights)
    field = "--config.head.class_weights"
    places = label_places(field, given, labels)
    focus = label_places("--config.classes.focus_classes", classes.focus_classes, labels)
    for name, weight in given.items():
        if not 0 < weight < math.inf:
            raise UserError(f"{field}: {name!r} must be over 0 and finite, got {weight}")
    if head.class_weight == "none" and not given and classes.focus_loss_weight == 1:
        return None
    weights = np.ones(len(labels))
    if head.class_weight == "balanced":
        counts = np.bincount(targets, minlength=len(labels))
        weights = rows / (len(labels) * np.maximum(counts, 1))
    weights[places] = list(given.values())
    weights[focus] *= classes.focus_loss_weight
    return [float(weight) for weight in weights]


def label_places(field: str, names: Iterable[str], labels: tuple[str, ...]) -> list[int]:
    """Returns where labels stand among all.

    Args:
      field: of the config that names them, for the error.
      names: the labels.
      labels: all of them.

    Raises:
      UserError: one is not there.
    """
    places = []
    for name in names:
        if name not in labels:
            raise UserError(f"{field}: {name!r} is no label.{closest(name, labels)}")
        places.append(labels.index(name))
    return places

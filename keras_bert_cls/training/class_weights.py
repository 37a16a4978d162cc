"""Weights of labels in the loss."""

import numpy as np

from keras_bert_cls.errors import UserError, closest
from keras_bert_cls.training.config import HeadConfig


def class_weights(
    head: HeadConfig, labels: tuple[str, ...], targets: np.ndarray, rows: int
) -> list[float] | None:
    """Returns a weight for each label, or None if all are 1.

    Args:
      head: "balanced" gives rows / (labels * rows of the label), else all weights are 1; weights
        that are given for a label replace these.
      labels: the names.
      targets: label ids of the training rows, int; for multi-label those of all rows together.
      rows: number of training rows.

    Raises:
      UserError: a weight is given for a label that is not there, or is not over 0.
    """
    given = dict(head.class_weights)
    for name, weight in given.items():
        if name not in labels:
            raise UserError(
                f"--config.head.class_weights: {name!r} is no label.{closest(name, labels)}"
            )
        if not weight > 0:
            raise UserError(f"--config.head.class_weights: {name!r} must be over 0, got {weight}")
    if head.class_weight == "none" and not given:
        return None
    weights = np.ones(len(labels))
    if head.class_weight == "balanced":
        counts = np.bincount(targets, minlength=len(labels))
        weights = rows / (len(labels) * np.maximum(counts, 1))
    for index, name in enumerate(labels):
        weights[index] = given.get(name, weights[index])
    return [float(weight) for weight in weights]

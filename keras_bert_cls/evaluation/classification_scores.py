"""Scores of single-label and multi-label predictions, with confidence intervals."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from keras_bert_cls.evaluation.bootstrap import Bootstrap, Estimate, estimates, proportion
from keras_bert_cls.evaluation.label_counts import LabelCounts, group_rows, ratio

# Counts of draws, and bool [labels] which labels occur in the data, to score -> float64 [draws].
ScoresOf = Callable[[LabelCounts, np.ndarray], dict[str, np.ndarray]]


def single_label_values(counts: LabelCounts, in_data: np.ndarray) -> dict[str, np.ndarray]:
    """Returns accuracy, macro and micro F1, and MCC (the multi-class one of Gorodkin 2004)."""
    hits, rows = counts.hits.sum(-1), counts.rows
    predicted, actual = counts.predicted.astype(np.float64), counts.actual.astype(np.float64)
    covariance = hits * rows - (actual * predicted).sum(-1)
    spread = np.sqrt((rows**2 - (predicted**2).sum(-1)) * (rows**2 - (actual**2).sum(-1)))
    accuracy = hits / rows
    return {
        "accuracy": accuracy,
        "macro_f1": macro_f1(counts, in_data),
        # With one label a row every wrong prediction is a miss too, so micro F1 is accuracy.
        "micro_f1": accuracy,
        "mcc": ratio(covariance, spread),
    }


def multi_label_values(counts: LabelCounts, in_data: np.ndarray) -> dict[str, np.ndarray]:
    """Returns micro and macro F1, and subset accuracy: the share of rows without any error."""
    both = counts.actual.sum(-1) + counts.predicted.sum(-1)
    return {
        "micro_f1": ratio(2 * counts.hits.sum(-1), both),
        "macro_f1": macro_f1(counts, in_data),
        "subset_accuracy": counts.exact / counts.rows,
    }


def macro_f1(counts: LabelCounts, in_data: np.ndarray) -> np.ndarray:
    """Returns the mean F1 of all labels.

    A label of the data that a draw happens to miss is no error of the model: the mean of that draw
    leaves it out. Counted as 0, rare labels would push the whole interval below the score.
    """
    missed = (in_data & ~counts.occurs).sum(-1)
    return ratio(counts.f1.sum(-1), counts.f1.shape[-1] - missed)


def values_of(task: str) -> ScoresOf:
    """Returns what computes the scores of a task."""
    return multi_label_values if task == "multi_label" else single_label_values


def score_labels(
    targets: np.ndarray, predictions: np.ndarray, task: str, labels: int, bootstrap: Bootstrap
) -> dict[str, Estimate]:
    """Scores predictions.

    Args:
      targets: label ids int [rows], or for multi-label 0/1 [rows, labels].
      predictions: likewise.
      task: "single_label" or "multi_label".
      labels: how many the model has; all of them count in macro F1.
      bootstrap: how the intervals are drawn.
    """
    (groups,) = group_rows(targets, predictions, labels=labels)
    values = values_of(task)
    whole = groups.count(groups.sizes)
    in_data = whole.occurs
    draws = (values(groups.count(drawn), in_data) for drawn in bootstrap.counts(groups.sizes))
    return estimates({name: float(v) for name, v in values(whole, in_data).items()}, draws)


def label_table(
    targets: np.ndarray, predictions: np.ndarray, labels: Sequence[str]
) -> list[dict[str, Any]]:
    """Scores each label; args as of `score_labels`.

    Precision and recall are shares of rows, and so is hits / (hits + false alarms + misses), of
    which F1 is a monotone function: all three have Wilson's interval.
    """
    (groups,) = group_rows(targets, predictions, labels=len(labels))
    counts = groups.count(groups.sizes)
    columns = (counts.hits.tolist(), counts.predicted.tolist(), counts.actual.tolist())
    return [
        {
            "label": label,
            "support": actual,
            "predicted": predicted,
            "precision": proportion(hits, predicted),
            "recall": proportion(hits, actual),
            "f1": _f1(proportion(hits, predicted + actual - hits)),
        }
        for label, hits, predicted, actual in zip(labels, *columns, strict=True)
    ]


def _f1(jaccard: Estimate) -> Estimate:
    return {name: 2 * value / (1 + value) for name, value in jaccard.items()}

"""Scores of predictions, from arrays."""

import dataclasses

import numpy as np

from keras_bert_cls.data.label_structure import NO_STRUCTURE, LabelStructure
from keras_bert_cls.training.structure_scores import structure_scores


@dataclasses.dataclass(frozen=True)
class LabelScore:
    """Scores of one label.

    Attributes:
      label: its name.
      precision, recall, f1: in [0, 1]; 0 where undefined.
      support: rows that have the label.
    """

    label: str
    precision: float
    recall: float
    f1: float
    support: int


@dataclasses.dataclass(frozen=True)
class Scores:
    """Scores of a model on a data set.

    Attributes:
      values: metric -> value.
      labels: scores by label; empty for regression and masked LM.
    """

    values: dict[str, float]
    labels: tuple[LabelScore, ...] = ()


def single_label_scores(
    targets: np.ndarray,
    predictions: np.ndarray,
    labels: tuple[str, ...],
    structure: LabelStructure = NO_STRUCTURE,
) -> Scores:
    """Scores label ids, int [rows] each: accuracy, macro F1, micro F1 and MCC.

    MCC is the multi-class one of Gorodkin 2004; macro F1 averages over all labels. Labels with a
    structure have the scores of `structure_scores` as well.
    """
    # Float64 counts are exact, and no matrix of labels by labels is made: there may be a million.
    hits, actual, predicted = (
        np.bincount(ids, minlength=len(labels)).astype(np.float64)
        for ids in (targets[targets == predictions], targets, predictions)
    )
    rows = float(len(targets))
    by_label = _label_scores(hits, predicted, actual, labels)
    covariance = hits.sum() * rows - actual @ predicted
    spread = np.sqrt(float(rows**2 - predicted @ predicted) * float(rows**2 - actual @ actual))
    accuracy = _ratio(hits.sum(), rows)
    return Scores(
        {
            "accuracy": accuracy,
            "macro_f1": float(np.mean([score.f1 for score in by_label])),
            # With one label a row every wrong prediction is a miss too, so micro F1 is accuracy.
            "micro_f1": accuracy,
            "mcc": _ratio(covariance, spread),
            **structure_scores(targets, predictions, labels, structure),
        },
        by_label,
    )


def multi_label_scores(
    targets: np.ndarray, predictions: np.ndarray, labels: tuple[str, ...]
) -> Scores:
    """Scores 0/1 matrices [rows, labels]: micro F1, macro F1 and subset accuracy."""
    targets, predictions = targets > 0, predictions > 0
    hits = (targets & predictions).sum(axis=0)
    actual, predicted = targets.sum(axis=0), predictions.sum(axis=0)
    by_label = _label_scores(hits, predicted, actual, labels)
    return Scores(
        {
            "micro_f1": _ratio(2 * hits.sum(), actual.sum() + predicted.sum()),
            "macro_f1": float(np.mean([score.f1 for score in by_label])),
            "subset_accuracy": float((targets == predictions).all(axis=1).mean()),
        },
        by_label,
    )


def regression_scores(targets: np.ndarray, predictions: np.ndarray) -> Scores:
    """Scores values, float [rows] each: mean absolute error and Pearson's correlation.

    The correlation is 0 where it is undefined: if all targets or all predictions are the same.
    """
    targets, predictions = targets.astype(np.float64), predictions.astype(np.float64)
    pearson = 0.0
    # Rounding makes the deviations of equal values from their mean small, but not always 0.
    if np.ptp(targets) and np.ptp(predictions):
        deviations = targets - targets.mean(), predictions - predictions.mean()
        norms = [float(np.linalg.norm(deviation)) for deviation in deviations]
        pearson = _ratio(deviations[0] @ deviations[1], norms[0] * norms[1])
    return Scores(
        {
            "mean_absolute_error": float(np.abs(targets - predictions).mean()),
            "pearson": pearson,
        }
    )


def _label_scores(hits, predicted, actual, labels) -> tuple[LabelScore, ...]:
    return tuple(
        LabelScore(
            label,
            precision=_ratio(hit, guess),
            recall=_ratio(hit, support),
            f1=_ratio(2 * hit, guess + support),
            support=int(support),
        )
        for label, hit, guess, support in zip(labels, hits, predicted, actual, strict=True)
    )


def _ratio(part: float, whole: float) -> float:
    return float(part) / float(whole) if whole else 0.0

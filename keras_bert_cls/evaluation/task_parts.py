"""The parts of a report that only some tasks have; None stands for the others'."""

from typing import Any

from keras_bert_cls.evaluation.calibration import calibration
from keras_bert_cls.evaluation.classification_scores import label_table
from keras_bert_cls.evaluation.confusion import confusion
from keras_bert_cls.evaluation.judged_rows import JudgedRows
from keras_bert_cls.evaluation.precision_recall import precision_recall
from keras_bert_cls.evaluation.residuals import residuals
from keras_bert_cls.evaluation.selective import rejection, risk_coverage, threshold_table

_NONE = (
    "labels",
    "confusion",
    "calibration",
    "risk_coverage",
    "thresholds",
    "rejection",
    "precision_recall",
    "residuals",
)


def task_parts(judged: JudgedRows) -> dict[str, Any]:
    """Returns the parts by name; all names are there."""
    parts = {
        "single_label": _single_label,
        "multi_label": _multi_label,
        "regression": _regression,
    }[judged.task](judged)
    return {**dict.fromkeys(_NONE), **parts}


def _single_label(judged: JudgedRows) -> dict[str, Any]:
    targets, answers = judged.rows.targets, judged.answers
    correct, confidences = judged.correct, answers.confidences
    return {
        "labels": label_table(targets, answers.predicted, judged.labels),
        "confusion": confusion(targets, answers.predicted, judged.labels),
        "calibration": calibration(confidences, correct),
        "risk_coverage": risk_coverage(confidences, correct),
        "thresholds": threshold_table(confidences, correct),
        "rejection": rejection(answers.rejected, correct),
    }


def _multi_label(judged: JudgedRows) -> dict[str, Any]:
    targets, answers = judged.rows.targets, judged.answers
    assert answers.probabilities is not None
    table = label_table(targets, answers.predicted, judged.labels)
    curve = precision_recall(targets, answers.probabilities)
    for row, area in zip(table, curve.pop("average_precision"), strict=True):
        row["average_precision"] = area
    return {
        "labels": table,
        "calibration": calibration(answers.probabilities.ravel(), targets.ravel() == 1),
        "precision_recall": curve,
    }


def _regression(judged: JudgedRows) -> dict[str, Any]:
    return {"residuals": residuals(judged.rows.targets, judged.answers.predicted)}

"""What a model gains by answering only where it is sure (selective classification)."""

from typing import Any

import numpy as np

from keras_bert_cls.evaluation.bootstrap import proportion

THRESHOLDS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99)

_MOST_POINTS = 200


def risk_coverage(confidences: np.ndarray, correct: np.ndarray) -> dict[str, Any]:
    """Lets the model answer its most confident rows only, from few to all.

    Coverage is the share of rows answered, risk the share of wrong ones among these (El-Yaniv and
    Wiener 2010; Geifman and El-Yaniv 2017, https://arxiv.org/abs/1705.08500). Rows of the same
    confidence are answered together.

    Args:
      confidences: float64 [rows].
      correct: bool [rows].

    Returns:
      aurc: area under risk over coverage: the mean, over the rows, of the risk at which a row comes
        to be answered;
      aurc_best: what an order of all right rows before all wrong ones would give;
      points: threshold, coverage, accuracy; at most 200, from the most confident on.
    """
    rows = len(confidences)
    order = np.argsort(-confidences, kind="stable")
    sorted_confidences = confidences[order]
    last = np.flatnonzero(np.append(np.diff(sorted_confidences) != 0, True))
    answered = last + 1
    accuracy = np.cumsum(correct[order])[last] / answered
    together = np.diff(answered, prepend=0)
    wrong = rows - int(correct.sum())
    right_first = np.maximum(0, np.arange(1, rows + 1) - (rows - wrong)) / np.arange(1, rows + 1)
    shown = np.unique(np.linspace(0, len(last) - 1, _MOST_POINTS).round().astype(int))
    return {
        "aurc": float((together * (1 - accuracy)).sum() / rows),
        "aurc_best": float(right_first.mean()),
        "points": [
            {
                "threshold": float(sorted_confidences[last[k]]),
                "coverage": float(answered[k] / rows),
                "accuracy": float(accuracy[k]),
            }
            for k in shown
        ],
    }


def threshold_table(confidences: np.ndarray, correct: np.ndarray) -> list[dict[str, Any]]:
    """Says for each threshold how many rows reach it, and how many of these are right."""
    table = []
    for threshold in THRESHOLDS:
        answered = confidences >= threshold
        rows = int(answered.sum())
        table.append(
            {
                "threshold": threshold,
                "rows": rows,
                "coverage": rows / len(confidences),
                "accuracy": proportion(int(correct[answered].sum()), rows) if rows else None,
            }
        )
    return table


def rejection(rejected: np.ndarray, correct: np.ndarray) -> dict[str, Any] | None:
    """Scores a model that answers some rows with no label of its own, such as `unknown`.

    Args:
      rejected: bool [rows].
      correct: whether the most probable label is right, bool [rows].

    Returns:
      rejected (rows), coverage, accuracy of the answered rows, and wrong_rejected: the share of
      wrong ones among the rejected. None if no row was rejected.
    """
    count = int(rejected.sum())
    if not count:
        return None
    answered = ~rejected
    right = int(correct[answered].sum())
    return {
        "rejected": count,
        "coverage": float(answered.mean()),
        "accuracy": proportion(right, int(answered.sum())) if answered.any() else None,
        "wrong_rejected": float((~correct[rejected]).mean()),
    }

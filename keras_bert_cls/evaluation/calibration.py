"""Whether probabilities mean what they say."""

from typing import Any

import numpy as np

from keras_bert_cls.calibration.calibration_error import BINS, expected_calibration_error
from keras_bert_cls.evaluation.bootstrap import proportion


def calibration(confidences: np.ndarray, correct: np.ndarray) -> dict[str, Any]:
    """Compares confidences with how often they are right.

    Bins are of equal width, as in Guo et al. 2017, "On Calibration of Modern Neural Networks"
    (https://arxiv.org/abs/1706.04599), and 15 of them.

    Args:
      confidences: probabilities of what was predicted, float64 [rows].
      correct: whether that was right, bool [rows].

    Returns:
      ece: expected calibration error: mean distance of accuracy and confidence of the bins,
        weighted by their rows;
      mean_confidence: over all rows;
      bins: low, high, rows, and for those with rows confidence (mean) and accuracy (an estimate).
    """
    numbers = np.minimum((confidences * BINS).astype(int), BINS - 1)
    rows = np.bincount(numbers, minlength=BINS)
    sums = np.bincount(numbers, weights=confidences, minlength=BINS)
    hits = np.bincount(numbers, weights=correct, minlength=BINS)
    bins: list[dict[str, Any]] = []
    for k in range(BINS):
        bins.append({"low": k / BINS, "high": (k + 1) / BINS, "rows": int(rows[k])})
        if rows[k]:
            accuracy = proportion(float(hits[k]), int(rows[k]))
            bins[k] |= {"confidence": float(sums[k] / rows[k]), "accuracy": accuracy}
    return {
        "ece": expected_calibration_error(confidences, correct),
        "mean_confidence": float(confidences.mean()),
        "bins": bins,
    }

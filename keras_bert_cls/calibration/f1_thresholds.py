"""Per-label thresholds of multi-label models, tuned for F1."""

import numpy as np

from keras_bert_cls.calibration.cuts import cuts

DEFAULT_THRESHOLD = 0.5


def best_f1_threshold(probabilities: np.ndarray, targets: np.ndarray) -> float:
    """Returns the threshold of the highest F1 of one label (Fan and Lin 2007, "A Study on Threshold
    Selection for Multi-label Classification").

    Of thresholds with the same F1 that nearest to 0.5 is taken, and 0.5 itself where none is
    better.

    Args:
      probabilities: float32 [n].
      targets: whether a row has the label, bool [n].
    """
    found = cuts(probabilities)
    positives = targets.sum()
    scores = 2 * found.totals(targets) / np.maximum(1, found.counts + positives)
    selected = probabilities >= np.float32(DEFAULT_THRESHOLD)
    default = 2 * (selected & targets).sum() / max(1, selected.sum() + positives)
    best = scores.max()
    if best <= default:
        return DEFAULT_THRESHOLD
    equal = found.thresholds[scores == best]
    return float(equal[np.abs(equal - DEFAULT_THRESHOLD).argmin()])


def f1_thresholds(
    probabilities: np.ndarray, targets: np.ndarray, min_positives: int
) -> list[float]:
    """Returns a threshold for each column of float32 and bool [n, labels].

    A label that fewer than `min_positives` rows have keeps 0.5: its F1 would be a matter of chance.
    """
    return [
        best_f1_threshold(column, wanted)
        if wanted.sum() >= max(1, min_positives)
        else DEFAULT_THRESHOLD
        for column, wanted in zip(probabilities.T, targets.T, strict=True)
    ]

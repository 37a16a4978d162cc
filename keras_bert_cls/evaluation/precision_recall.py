"""Precision and recall of multi-label models at every threshold."""

from typing import Any

import numpy as np

_MOST_POINTS = 200


def precision_recall(targets: np.ndarray, probabilities: np.ndarray) -> dict[str, Any]:
    """Follows precision over recall, from the highest threshold to the lowest.

    Args:
      targets: 0/1 [rows, labels].
      probabilities: float64 [rows, labels].

    Returns:
      micro_average_precision: the area under the curve of all labels together, as a sum of steps;
      average_precision: that of each label; None for labels that no row has;
      points: threshold, precision, recall of all labels together; at most 200.
    """
    from sklearn.metrics import average_precision_score, precision_recall_curve

    found = targets.sum(axis=0) > 0
    areas = [
        float(average_precision_score(targets[:, k], probabilities[:, k])) if found[k] else None
        for k in range(targets.shape[1])
    ]
    if not found.any():
        return {"micro_average_precision": None, "average_precision": areas, "points": []}
    flat = targets.ravel(), probabilities.ravel()
    precision, recall, thresholds = precision_recall_curve(*flat)
    shown = np.unique(np.linspace(0, len(thresholds) - 1, _MOST_POINTS).round().astype(int))
    return {
        "micro_average_precision": float(average_precision_score(*flat)),
        "average_precision": areas,
        "points": [
            {
                "threshold": float(thresholds[k]),
                "precision": float(precision[k]),
                "recall": float(recall[k]),
            }
            for k in shown[::-1]
        ],
    }

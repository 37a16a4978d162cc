"""Which labels the model takes for which."""

from collections.abc import Sequence
from typing import Any

import numpy as np

# More labels than this make a matrix that nobody reads.
MOST_LABELS_OF_MATRIX = 30

_MOST_PAIRS = 40


def confusion(
    targets: np.ndarray, predictions: np.ndarray, labels: Sequence[str]
) -> dict[str, Any]:
    """Counts rows by label and predicted label, int [rows] ids each.

    Returns:
      matrix: rows [label][predicted]; None for many labels.
      pairs: the most frequent errors: label, predicted, rows, share (of the label's rows).
      confused_pairs: how many pairs there are in all.
    """
    count = len(labels)
    cells, rows = np.unique(targets.astype(np.int64) * count + predictions, return_counts=True)
    actual, predicted = np.divmod(cells, count)
    support = np.bincount(targets, minlength=count)
    wrong = np.flatnonzero(actual != predicted)
    wrong = wrong[np.argsort(-rows[wrong], kind="stable")]
    matrix = None
    if count <= MOST_LABELS_OF_MATRIX:
        dense = np.zeros((count, count), np.int64)
        dense[actual, predicted] = rows
        matrix = dense.tolist()
    return {
        "matrix": matrix,
        "confused_pairs": len(wrong),
        "pairs": [
            {
                "label": labels[actual[cell]],
                "predicted": labels[predicted[cell]],
                "rows": int(rows[cell]),
                "share": float(rows[cell] / support[actual[cell]]),
            }
            for cell in wrong[:_MOST_PAIRS]
        ],
    }

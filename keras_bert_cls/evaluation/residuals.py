"""How predicted values miss."""

from typing import Any

import numpy as np

_QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
_MOST_POINTS = 1000


def residuals(targets: np.ndarray, predictions: np.ndarray) -> dict[str, Any]:
    """Describes predicted minus true values, float64 [rows] each.

    Returns:
      mean: how much is predicted too high on average; quantiles: of the residuals, in pairs of
      (share, value); points: (true, predicted) of at most 1,000 rows, evenly spaced in the data.
    """
    errors = predictions - targets
    shown = np.unique(np.linspace(0, len(targets) - 1, _MOST_POINTS).round().astype(int))
    return {
        "mean": float(errors.mean()),
        "quantiles": [[share, float(np.quantile(errors, share))] for share in _QUANTILES],
        "points": [[float(targets[k]), float(predictions[k])] for k in shown],
    }

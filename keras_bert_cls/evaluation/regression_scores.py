"""Scores of predicted values, with confidence intervals."""

import numpy as np

from keras_bert_cls.evaluation.bootstrap import Bootstrap, Estimate, estimates


def score_values(
    targets: np.ndarray, predictions: np.ndarray, bootstrap: Bootstrap
) -> dict[str, Estimate]:
    """Scores values, float64 [rows] each: errors and correlations.

    MAE and RMSE have the unit of the values. Pearson's and Spearman's correlations are 0 where all
    targets or all predictions are the same.
    """
    values = regression_values(targets[np.newaxis], predictions[np.newaxis])
    draws = (
        regression_values(targets[rows], predictions[rows]) for rows in bootstrap.rows(len(targets))
    )
    return estimates({name: float(value[0]) for name, value in values.items()}, draws)


def regression_values(targets: np.ndarray, predictions: np.ndarray) -> dict[str, np.ndarray]:
    """Returns the scores of several data sets, float64 [sets], from values [sets, rows]."""
    from scipy.stats import rankdata

    errors = predictions - targets
    return {
        "mae": np.abs(errors).mean(axis=1),
        "rmse": np.sqrt((errors**2).mean(axis=1)),
        "pearson": _correlation(targets, predictions),
        "spearman": _correlation(rankdata(targets, axis=1), rankdata(predictions, axis=1)),
    }


def _correlation(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    # Rounding makes the deviations of equal values from their mean small, but not always 0.
    defined = (np.ptp(first, axis=1) > 0) & (np.ptp(second, axis=1) > 0)
    first = first - first.mean(axis=1, keepdims=True)
    second = second - second.mean(axis=1, keepdims=True)
    norms = np.linalg.norm(first, axis=1) * np.linalg.norm(second, axis=1)
    # Of values that differ by next to nothing, the norms may be 0.
    defined &= norms > 0
    return np.where(defined, (first * second).sum(axis=1) / np.where(defined, norms, 1), 0.0)

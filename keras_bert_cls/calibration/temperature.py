"""Temperature scaling (Guo et al. 2017, https://arxiv.org/abs/1706.04599)."""

from collections.abc import Callable

import numpy as np

# Temperatures beyond these are no calibration: the rows are too few, or too easy, to tell one.
_LOWEST, _HIGHEST = 0.05, 20.0
_STEPS = 100
_PRECISION = 1e-12

# 1 / temperature -> the first and the second derivative of the loss.
_Derivatives = Callable[[float], tuple[float, float]]


def fit_temperature(task: str, logits: np.ndarray, targets: np.ndarray) -> float | None:
    """Returns the temperature of the least negative log-likelihood.

    The loss is convex in 1 / temperature: Newton's method, kept inside a bracket, finds its only
    minimum.

    Args:
      task: "single_label" or "multi_label"; the latter has one temperature for all its sigmoids.
      logits: float [n, labels].
      targets: label ids int [n], or of a multi-label task bool [n, labels].

    Returns:
      The temperature; None if the loss has no minimum in [0.05, 20], as where every answer is
      right.
    """
    logits = np.asarray(logits, np.float64)
    if task == "multi_label":
        derivatives = _of_sigmoids(logits, np.asarray(targets, np.float64))
    else:
        derivatives = _of_softmax(logits, np.asarray(targets))
    low, high = 1 / _HIGHEST, 1 / _LOWEST
    if derivatives(low)[0] >= 0 or derivatives(high)[0] <= 0:
        return None
    inverse = 1.0
    for _ in range(_STEPS):
        slope, curvature = derivatives(inverse)
        low, high = (inverse, high) if slope < 0 else (low, inverse)
        step = inverse - slope / curvature if curvature > 0 else low
        moved = step if low < step < high else np.sqrt(low * high)
        if abs(moved - inverse) <= _PRECISION * inverse:
            break
        inverse = float(moved)
    return 1 / inverse


def negative_log_likelihood(
    task: str, logits: np.ndarray, targets: np.ndarray, temperature: float = 1.0
) -> float:
    """Returns the mean over rows; of a multi-label task the mean over rows and labels."""
    scaled = np.asarray(logits, np.float64) / temperature
    if task == "multi_label":
        return float(np.mean(np.logaddexp(0, scaled) - scaled * targets))
    highest = scaled.max(-1)
    totals = highest + np.log(np.exp(scaled - highest[:, np.newaxis]).sum(-1))
    return float(np.mean(totals - scaled[np.arange(len(scaled)), targets]))


def _of_softmax(logits: np.ndarray, targets: np.ndarray) -> _Derivatives:
    logits = logits - logits.max(-1, keepdims=True)
    wanted = logits[np.arange(len(logits)), targets]

    def derivatives(inverse: float) -> tuple[float, float]:
        exponentials = np.exp(inverse * logits)
        probabilities = exponentials / exponentials.sum(-1, keepdims=True)
        means = (probabilities * logits).sum(-1)
        squares = (probabilities * logits**2).sum(-1)
        return float(np.mean(means - wanted)), float(np.mean(squares - means**2))

    return derivatives


def _of_sigmoids(logits: np.ndarray, targets: np.ndarray) -> _Derivatives:
    def derivatives(inverse: float) -> tuple[float, float]:
        probabilities = np.exp(-np.logaddexp(0, -inverse * logits))
        slopes = (probabilities - targets) * logits
        curvatures = probabilities * (1 - probabilities) * logits**2
        return float(slopes.mean()), float(curvatures.mean())

    return derivatives

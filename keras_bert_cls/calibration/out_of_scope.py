"""How well confidences tell rows in scope from rows out of scope.

The baseline of Hendrycks and Gimpel 2017 (https://arxiv.org/abs/1610.02136): the confidence is the
probability of the best label.
"""

import numpy as np

_TRUE_POSITIVES = 0.95


def auroc(inside: np.ndarray, outside: np.ndarray) -> float:
    """Returns the chance that a row in scope is more confident than one out of scope.

    Equal confidences count half.

    Args:
      inside: confidences of rows in scope, float [n].
      outside: confidences of rows out of scope, float [m].
    """
    rising = np.sort(outside)
    less = np.searchsorted(rising, inside, "left")
    not_more = np.searchsorted(rising, inside, "right")
    return float((less + not_more).sum() / (2 * len(inside) * len(outside)))


def fpr95(inside: np.ndarray, outside: np.ndarray) -> float:
    """Returns the share of rows out of scope that pass where 95 % of those in scope do.

    The threshold is the highest that at least 95 % of `inside` [n] reach; `outside` [m].
    """
    needed = int(np.ceil(_TRUE_POSITIVES * len(inside)))
    threshold = np.sort(inside)[len(inside) - needed]
    return float(np.mean(outside >= threshold))

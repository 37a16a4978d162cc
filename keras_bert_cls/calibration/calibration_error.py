"""How far probabilities are from the shares of right answers."""

import numpy as np

BINS = 15


def expected_calibration_error(probabilities: np.ndarray, hits: np.ndarray) -> float:
    """Returns the ECE with 15 bins of equal width (Guo et al. 2017, section 2).

    Args:
      probabilities: float [n], in [0, 1].
      hits: bool [n], whether that came true.
    """
    bins = np.minimum((probabilities * BINS).astype(int), BINS - 1)
    sums = np.bincount(bins, probabilities, BINS) - np.bincount(bins, hits, BINS)
    return float(np.abs(sums).sum() / len(probabilities))

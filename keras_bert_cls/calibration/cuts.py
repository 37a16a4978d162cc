"""Where a threshold can be put between the values that were seen."""

from typing import NamedTuple

import numpy as np

# A text's probability differs by so much, relatively, with the texts that it shares a batch with.
_ROUNDING = 1e-6


class Cuts(NamedTuple):
    """The thresholds that let different rows through, the highest first.

    Rows whose values are equal up to rounding go together: else texts that are the same to the
    model could fall on either side.

    Attributes:
      order: the rows by falling value, int [n].
      counts: rows that each threshold lets through, the first of `order`, int [cuts].
      thresholds: float32 [cuts]; each lies half-way between the values around it, where it is least
        likely to be met by rounding. The last one, which lets every row through, is 0.
    """

    order: np.ndarray
    counts: np.ndarray
    thresholds: np.ndarray

    def totals(self, values: np.ndarray) -> np.ndarray:
        """Returns the sum of values [n] over the rows that each threshold lets through."""
        return np.cumsum(values[self.order])[self.counts - 1]


def cuts(values: np.ndarray) -> Cuts:
    """Finds the thresholds of values in [0, 1], float32 [n] as the graph computes them."""
    values = np.asarray(values, np.float32)
    order = np.argsort(-values, kind="stable")
    falling = values[order]
    is_gap = -np.diff(falling) > _ROUNDING * falling[:-1]
    counts = np.append(np.flatnonzero(is_gap) + 1, len(falling))
    above, below = falling[counts - 1], np.append(falling[counts[:-1]], np.float32(0))
    thresholds = ((above.astype(np.float64) + below) / 2).astype(np.float32)
    thresholds[-1] = 0
    return Cuts(order, counts, thresholds)

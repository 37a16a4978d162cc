"""How far the share that was seen says what the share is."""

import math
from statistics import NormalDist

LEVEL = 0.95

_Z = NormalDist().inv_cdf((1 + LEVEL) / 2)


def wilson_interval(hits: float, rows: float) -> tuple[float, float]:
    """Returns the 95 % score interval of a share, hits / rows (Wilson 1927).

    Unlike the bootstrap's it is not empty where all of a few rows are hits, or none is. Of no rows
    nothing is known: (0, 1).
    """
    if not rows:
        return 0.0, 1.0
    share = hits / rows
    spread = _Z**2 / rows
    centre = (share + spread / 2) / (1 + spread)
    half = math.sqrt(spread * share * (1 - share) + spread**2 / 4) / (1 + spread)
    # Rounding must not push an end beyond the share itself, which it meets at 0 and 1.
    return min(share, max(0.0, centre - half)), max(share, min(1.0, centre + half))

"""Whether two splits differ in what they are made of."""

import math
from collections.abc import Hashable, Mapping
from typing import TypeVar

_SMALLEST_SHIFT = 0.05
_Kind = TypeVar("_Kind", bound=Hashable)


def total_variation(one: Mapping[_Kind, int], other: Mapping[_Kind, int]) -> float:
    """Returns half the summed difference of the shares: 0 for equal splits, 1 for disjoint ones.

    Args:
      one, other: counts; neither is empty.
    """
    rows, other_rows = sum(one.values()), sum(other.values())
    return sum(abs(one.get(k, 0) / rows - other.get(k, 0) / other_rows) for k in {*one, *other}) / 2


def has_shifted(one: Mapping[_Kind, int], other: Mapping[_Kind, int]) -> bool:
    """Returns whether two splits differ by more than 0.05 and far more than chance makes them.

    Chance: the mean distance of two samples of these sizes from one distribution, taken as normal
    for each kind; and as much again.
    """
    rows, other_rows = sum(one.values()), sum(other.values())
    chance = 0.0
    for kind in {*one, *other}:
        share = (one.get(kind, 0) + other.get(kind, 0)) / (rows + other_rows)
        chance += math.sqrt(2 / math.pi * share * (1 - share) * (1 / rows + 1 / other_rows)) / 2
    return total_variation(one, other) > max(_SMALLEST_SHIFT, 2 * chance)

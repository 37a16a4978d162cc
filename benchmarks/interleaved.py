"""Times things side by side: A B A B …, so that what else the machine does falls on all alike."""

import dataclasses
import statistics
import time
from collections.abc import Callable, Mapping


@dataclasses.dataclass(frozen=True)
class Ratio:
    """How many times as long one thing takes as another.

    Attributes:
      median: of the rounds.
      low, high: the quartiles of the rounds.
    """

    median: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.median:.2f} ({self.low:.2f}–{self.high:.2f})"


def interleave(
    actions: Mapping[str, Callable[[], object]], rounds: int = 11
) -> dict[str, list[float]]:
    """Runs each action once to warm up, then all in turn.

    Args:
      actions: what to time, by name.
      rounds: how often.

    Returns:
      The seconds of every round, by name.
    """
    for action in actions.values():
        action()
    seconds: dict[str, list[float]] = {name: [] for name in actions}
    for _ in range(rounds):
        for name, action in actions.items():
            started = time.perf_counter()
            action()
            seconds[name].append(time.perf_counter() - started)
    return seconds


def ratio(slower: list[float], faster: list[float]) -> Ratio:
    """Returns the ratio of the times of the same rounds."""
    ratios = [a / b for a, b in zip(slower, faster, strict=True)]
    low, median, high = statistics.quantiles(ratios, n=4)
    return Ratio(median, low, high)

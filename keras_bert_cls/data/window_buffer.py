"""Puts batches that come in any order back into order. Imports no TensorFlow."""

from collections.abc import Callable
from typing import Any

# So many later windows, begun after a window was last heard of and complete, say that it is lost.
_OVERTAKEN_BY = 4
_MOST_WINDOWS = 32


class WindowBuffer:
    """Batches of windows that are being made at the same time.

    Several workers make a window each. A worker that dies takes its window with it.

    Args:
      batches_of: says how many batches of a window are to come.
    """

    def __init__(self, batches_of: Callable[[int], int]):
        self._batches_of = batches_of
        self._windows: dict[int, dict[int, Any]] = {}
        self._begun: dict[int, int] = {}
        self._heard_of: dict[int, int] = {}
        self._arrivals = 0
        self._first = 0

    def put(self, window: int, place: int, batch: Any) -> None:
        """Takes a batch in; one of a window that is passed is dropped."""
        if window < self._first:
            return
        self._arrivals += 1
        self._begun.setdefault(window, self._arrivals)
        self._heard_of[window] = self._arrivals
        self._windows.setdefault(window, {})[place] = batch

    def take(self, window: int, place: int) -> Any | None:
        """Gives a batch out, None if it is not here; all before its window is dropped."""
        self._drop_before(window)
        return self._windows.get(window, {}).pop(place, None)

    def drop(self, window: int) -> None:
        """Drops a window and all before, also what comes of them later."""
        self._drop_before(window + 1)

    def is_lost(self, window: int) -> bool:
        """Tells whether what is missing of a window is no longer to be expected."""
        heard_of = self._heard_of.get(window, 0)
        overtaking = [
            later
            for later, batches in self._windows.items()
            if self._begun[later] > heard_of and len(batches) == self._batches_of(later)
        ]
        return len(overtaking) >= _OVERTAKEN_BY or len(self._windows) > _MOST_WINDOWS

    def _drop_before(self, window: int) -> None:
        self._first = max(self._first, window)
        for passed in [number for number in self._windows if number < self._first]:
            for table in (self._windows, self._begun, self._heard_of):
                del table[passed]

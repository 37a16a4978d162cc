"""How long to wait before the workers are started again."""

_FIRST_SECONDS = 1.0
_LASTING_SECONDS = 300.0


class Backoff:
    """Waits of 1 s, 2 s, 4 s, …; a start that lasted over 5 minutes begins anew.

    Args:
      longest_seconds: no wait is longer.
    """

    def __init__(self, longest_seconds: float):
        self._longest_seconds = longest_seconds
        self._next = _FIRST_SECONDS

    def seconds(self, ran_seconds: float) -> float:
        """Returns the wait after a start that failed after `ran_seconds`."""
        if ran_seconds > _LASTING_SECONDS:
            self._next = _FIRST_SECONDS
        wait = min(self._next, self._longest_seconds)
        self._next *= 2
        return wait

"""How long to wait before the workers are started again."""

_FIRST_SECONDS = 1.0
_LONGEST_SECONDS = 60.0
_LASTING_SECONDS = 300.0


class Backoff:
    """Waits of 1 s, 2 s, 4 s, … at most 60 s; a start that lasted over 5 minutes begins anew."""

    def __init__(self) -> None:
        self._next = _FIRST_SECONDS

    def seconds(self, ran_seconds: float) -> float:
        """Returns the wait after a start that failed after `ran_seconds`."""
        if ran_seconds > _LASTING_SECONDS:
            self._next = _FIRST_SECONDS
        wait = self._next
        self._next = min(2 * wait, _LONGEST_SECONDS)
        return wait

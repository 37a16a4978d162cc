"""What the launcher waits for: a worker's end, or a signal that asks it to stop."""

import contextlib
import dataclasses
import math
import queue
import signal
import time
from collections.abc import Iterator

# A signal that another thread receives does not wake the main thread, which alone runs handlers.
_LONGEST_SLEEP = 0.2
_STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


@dataclasses.dataclass(frozen=True)
class WorkerExited:
    """A worker ended.

    Attributes:
      worker: its place in the cluster.
      code: its exit code; negative for a signal.
    """

    worker: int
    code: int


@dataclasses.dataclass(frozen=True)
class StopRequested:
    """A signal asked the launcher to stop."""

    signal: signal.Signals


Happening = WorkerExited | StopRequested


class Happenings:
    """A queue that signal handlers and threads may put into."""

    def __init__(self) -> None:
        # The one queue of the standard library whose put() a signal handler may call.
        self._queue: queue.SimpleQueue[Happening] = queue.SimpleQueue()

    def put(self, happening: Happening) -> None:
        """Adds what happened."""
        self._queue.put(happening)

    def next(self, timeout: float | None) -> Happening | None:
        """Waits for what happens next.

        Args:
          timeout: in seconds; None waits for ever.

        Returns:
          None if nothing happened in time.
        """
        end = math.inf if timeout is None else time.monotonic() + timeout
        while True:
            left = max(0.0, min(_LONGEST_SLEEP, end - time.monotonic()))
            try:
                return self._queue.get(timeout=left)
            except queue.Empty:
                if time.monotonic() >= end:
                    return None


@contextlib.contextmanager
def stop_signals_to(happenings: Happenings) -> Iterator[None]:
    """Turns SIGTERM, SIGINT and SIGHUP into happenings; leaves alone those that are ignored."""
    before = {
        number: signal.getsignal(number)
        for number in _STOP_SIGNALS
        if signal.getsignal(number) is not signal.SIG_IGN  # as nohup does
    }
    for number in before:
        signal.signal(
            number, lambda number, _: happenings.put(StopRequested(signal.Signals(number)))
        )
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)

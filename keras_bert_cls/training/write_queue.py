"""A thread that writes while a run goes on."""

import concurrent.futures
from collections.abc import Callable


class WriteQueue:
    """Runs writes in a thread of their own, one after the other.

    Writes of at most two steps are unfinished at a time, one being written and one waiting, so that
    what they hold in memory is bounded. A program that ends waits for its writes.
    """

    def __init__(self):
        self._thread = concurrent.futures.ThreadPoolExecutor(1, "checkpoints")
        self._writes: list[tuple[int, concurrent.futures.Future]] = []

    def make_room(self, step: int) -> None:
        """Waits until a write of `step` need not wait for those of two other steps."""
        while len({other for other, _ in self._unfinished()} - {step}) > 1:
            concurrent.futures.wait(
                [write for _, write in self._unfinished()],
                return_when=concurrent.futures.FIRST_COMPLETED,
            )

    def put(self, step: int, write: Callable[[], object]) -> None:
        """Has `write` called after all that were put before."""
        self._writes.append((step, self._thread.submit(write)))

    def check(self) -> None:
        """Raises what a finished write raised, once."""
        writes, self._writes = self._writes, []
        errors = []
        for step, write in writes:
            if not write.done():
                self._writes.append((step, write))
            elif error := write.exception():
                errors.append(error)
        if errors:
            raise errors[0]

    def settle(self) -> None:
        """Waits until all writes are finished; leaves their errors to `check`."""
        concurrent.futures.wait([write for _, write in self._writes])

    def close(self) -> None:
        """Waits until all writes are finished, and ends the thread."""
        self._thread.shutdown()
        self.check()

    def _unfinished(self) -> list[tuple[int, concurrent.futures.Future]]:
        return [(step, write) for step, write in self._writes if not write.done()]

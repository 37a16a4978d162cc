"""Versions that could not be loaded: when to try them again."""

import contextlib
import dataclasses
import pathlib
import time

Fingerprint = list[tuple[str, int, int]]


@dataclasses.dataclass(frozen=True)
class RetryPolicy:
    """How often a version that cannot be loaded is tried again while its files stay the same.

    Attributes:
      max_retries: after the first failure.
      interval_seconds: time between two tries.
    """

    max_retries: int = 5
    interval_seconds: float = 60


@dataclasses.dataclass
class _Failure:
    fingerprint: Fingerprint
    tries: int
    next_try: float  # of time.monotonic()


class BrokenVersions:
    """Remembers failures, so that a broken version costs no more than its retries."""

    def __init__(self, policy: RetryPolicy):
        self._policy = policy
        self._failures: dict[int, _Failure] = {}

    def is_hopeless(self, number: int, path: pathlib.Path) -> bool:
        """Whether trying the version now is known to be in vain; reads the folder at `path`."""
        failure = self._failures.get(number)
        if failure is None or fingerprint(path) != failure.fingerprint:
            return False
        may_retry = failure.tries <= self._policy.max_retries
        return not (may_retry and time.monotonic() >= failure.next_try)

    def add(self, number: int, seen: Fingerprint) -> None:
        """Records that loading failed, with the files as they were before."""
        before = self._failures.get(number)
        tries = before.tries + 1 if before and before.fingerprint == seen else 1
        next_try = time.monotonic() + self._policy.interval_seconds
        self._failures[number] = _Failure(seen, tries, next_try)

    def forget(self, number: int) -> None:
        """Records that the version could be loaded."""
        self._failures.pop(number, None)


def fingerprint(path: pathlib.Path) -> Fingerprint:
    """Returns what changes when a file below `path` does: names, sizes, times of change."""
    entries = []
    for file in sorted(path.rglob("*")):
        with contextlib.suppress(FileNotFoundError):  # It is being written.
            status = file.stat()
            entries.append((str(file), status.st_size, status.st_mtime_ns))
    return entries

"""How far a run is, on the standard error: a bar for people, lines for log files."""

import sys
import time
from typing import Protocol

from tqdm import tqdm


class ProgressDisplay(Protocol):
    """Shows the progress of a run; made by `progress_display`."""

    def advance(self, steps: int, text: str) -> None:
        """Moves on by some steps; `text` says how it goes."""

    def log(self) -> None:
        """Says where the run is, if nobody has seen it yet."""

    def say(self, text: str) -> None:
        """Prints a line on the standard output."""

    def close(self) -> None:
        """Ends the display."""


def progress_display(start: int, total: int) -> ProgressDisplay:
    """Returns a bar if the standard error is a terminal, else what writes lines.

    Args:
      start: steps done before.
      total: steps at the end.
    """
    return _Bar(start, total) if sys.stderr.isatty() else _Lines(start, total)


class _Bar:
    def __init__(self, start: int, total: int):
        self._bar = tqdm(
            total=total, initial=start, unit=" steps", dynamic_ncols=True, mininterval=0.5
        )

    def advance(self, steps: int, text: str) -> None:
        self._bar.set_postfix_str(text, refresh=False)
        self._bar.update(steps)

    def log(self) -> None:
        pass

    def say(self, text: str) -> None:
        self._bar.write(text)

    def close(self) -> None:
        self._bar.close()


class _Lines:
    def __init__(self, start: int, total: int):
        self._start, self._done, self._total = start, start, total
        self._begin = time.perf_counter()
        self._text = ""

    def advance(self, steps: int, text: str) -> None:
        self._done += steps
        self._text = text

    def log(self) -> None:
        seconds = time.perf_counter() - self._begin
        left = seconds / max(self._done - self._start, 1) * (self._total - self._done)
        print(
            f"step {self._done}/{self._total}, {self._text}, {tqdm.format_interval(left)} to go",
            file=sys.stderr,
            flush=True,
        )

    def say(self, text: str) -> None:
        print(text, flush=True)

    def close(self) -> None:
        pass

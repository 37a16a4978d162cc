"""Watches the workers of one start until all have ended."""

import dataclasses
import enum
import signal
from collections.abc import Callable
from typing import Protocol

from keras_bert_cls.launching.exit_codes import USER_ERRORS, describe
from keras_bert_cls.launching.happenings import Happening, StopRequested, WorkerExited
from keras_bert_cls.launching.journal import Journal

_STRAGGLER_SECONDS = 10.0
"""From SIGTERM to SIGKILL for workers that hang because another one is gone."""


class Team(Protocol):
    """The workers of one start."""

    @property
    def size(self) -> int:
        """How many workers there are."""

    def terminate(self) -> None:
        """Sends SIGTERM to those that run."""

    def kill(self) -> None:
        """Sends SIGKILL to those that run, and to what they started."""

    def last_words(self, worker: int) -> list[str]:
        """Returns what a worker wrote to its standard error last; complete after `close`."""

    def close(self) -> None:
        """Waits for the last lines of workers that have all ended."""


class _Stage(enum.IntEnum):
    RUNNING = 0
    LEAVING = 1  # A worker failed; the others have time to notice.
    TERMINATED = 2
    KILLED = 3


@dataclasses.dataclass
class TeamEnd:
    """How a start ended.

    Attributes:
      exits: of workers that ended by themselves, or were asked to by a stop; in that order.
      stopped: whether the launcher was asked to stop.
    """

    exits: list[WorkerExited] = dataclasses.field(default_factory=list)
    stopped: bool = False


class TeamWatch:
    """Sees a team to its end.

    A worker that fails gives the others `grace_seconds` to leave by themselves: they notice, too,
    and where they were asked to stop they save. Who stays gets SIGTERM and then SIGKILL. A user
    error or a request to stop sends SIGTERM to all at once; a second SIGINT kills.

    Args:
      team: the workers.
      next_happening: waits so many seconds for what happens next, as `Happenings.next`.
      clock: seconds since some time.
      grace_seconds: how long workers have to leave.
      journal: where to say what happens.
    """

    def __init__(
        self,
        team: Team,
        next_happening: Callable[[float | None], Happening | None],
        clock: Callable[[], float],
        grace_seconds: float,
        journal: Journal,
    ):
        self._team = team
        self._next_happening = next_happening
        self._clock = clock
        self._grace_seconds = grace_seconds
        self._journal = journal
        self._stage = _Stage.RUNNING
        self._deadline: float | None = None
        self._end = TeamEnd()

    def run(self) -> TeamEnd:
        """Returns when all workers have ended."""
        running = self._team.size
        while running:
            happening = self._next_happening(self._remaining())
            if happening is None:
                self._escalate()
            elif isinstance(happening, StopRequested):
                self._stop(happening.signal)
            else:
                running -= 1
                self._note_exit(happening, others=running)
        return self._end

    def _remaining(self) -> float | None:
        return None if self._deadline is None else max(self._deadline - self._clock(), 0.0)

    def _note_exit(self, exited: WorkerExited, others: int) -> None:
        self._journal.record("exited", worker=exited.worker, code=exited.code)
        if self._stage < _Stage.TERMINATED or self._end.stopped:
            self._end.exits.append(exited)
        if not exited.code:
            return
        told = f"worker {exited.worker} {describe(exited.code)}"
        if self._stage < _Stage.TERMINATED and exited.code in USER_ERRORS:
            self._enter(_Stage.TERMINATED, self._grace_seconds)
        elif self._stage is _Stage.RUNNING:
            self._enter(_Stage.LEAVING, self._grace_seconds)
            if others:
                told += f"; the others have {self._grace_seconds:g} s to leave"
        self._journal.say(told)

    def _stop(self, number: signal.Signals) -> None:
        if self._end.stopped and number is signal.SIGINT:
            self._journal.say("SIGINT again: killing the workers")
            self._enter(_Stage.KILLED)
        elif not self._end.stopped:
            self._end.stopped = True
            self._journal.say(
                f"{number.name}: the workers have {self._grace_seconds:g} s to save and stop"
            )
            if self._stage < _Stage.TERMINATED:
                self._enter(_Stage.TERMINATED, self._grace_seconds)

    def _escalate(self) -> None:
        if self._stage is _Stage.LEAVING:
            self._enter(_Stage.TERMINATED, _STRAGGLER_SECONDS)
        else:
            self._journal.say("killing the workers that have not stopped")
            self._enter(_Stage.KILLED)

    def _enter(self, stage: _Stage, seconds: float | None = None) -> None:
        self._stage = stage
        self._deadline = None if seconds is None else self._clock() + seconds
        if stage is _Stage.TERMINATED:
            self._team.terminate()
        elif stage is _Stage.KILLED:
            self._team.kill()

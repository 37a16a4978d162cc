"""Starts the workers, and starts them again until their run is done."""

import re
from collections.abc import Callable

from keras_bert_cls.launching.backoff import Backoff
from keras_bert_cls.launching.exit_codes import USER_ERRORS, as_status, decisive, describe
from keras_bert_cls.launching.happenings import Happening, StopRequested
from keras_bert_cls.launching.journal import Journal
from keras_bert_cls.launching.options import LaunchOptions
from keras_bert_cls.launching.team_watch import Team, TeamEnd, TeamWatch
from keras_bert_cls.training.run_options import PREEMPTED

_FAILED = 1
_MESSAGE = re.compile(r"bertcls-\w+: ")


class Supervisor:
    """Brings a run to its end.

    Args:
      options: how often, and how long.
      start_team: starts all workers; its argument counts the starts from 0.
      next_happening: waits so many seconds for what happens next, as `Happenings.next`.
      clock: seconds since some time.
      journal: where to say what happens.
    """

    def __init__(
        self,
        options: LaunchOptions,
        start_team: Callable[[int], Team],
        next_happening: Callable[[float | None], Happening | None],
        clock: Callable[[], float],
        journal: Journal,
    ):
        self._options = options
        self._start_team = start_team
        self._next_happening = next_happening
        self._clock = clock
        self._journal = journal

    def run(self) -> int:
        """Returns the launcher's exit code.

        0: all workers are done. 42: asked to stop, and all workers saved. 1 or 2: a worker's user
        error. Otherwise the last failure's code, 128 + N for signal N.
        """
        code = self._run()
        self._journal.record("finished", code=code)
        return code

    def _run(self) -> int:
        backoff = Backoff(self._options.longest_wait_seconds)
        restarts = 0
        while True:
            started = self._clock()
            team, end = self._one_start(restarts)
            if end.stopped:
                return self._code_after_stop(end)
            code = decisive([exited.code for exited in end.exits])
            if code == 0:
                return 0
            if code in USER_ERRORS:
                self._say_user_error(team, end, code)
                return code
            if restarts == self._options.max_restarts:
                self._journal.say(
                    f"giving up after {restarts} restarts (--max_restarts): "
                    f"the last time a worker {describe(code)}"
                )
                return as_status(code)
            restarts += 1
            # Who was only asked to stop has no fault that time would mend.
            wait = 0.0 if code == PREEMPTED else backoff.seconds(self._clock() - started)
            if self._stopped_while_waiting(wait, restarts):
                return _FAILED

    def _one_start(self, restarts: int) -> tuple[Team, TeamEnd]:
        team = self._start_team(restarts)
        end = TeamWatch(
            team, self._next_happening, self._clock, self._options.grace_seconds, self._journal
        ).run()
        team.close()
        return team, end

    def _stopped_while_waiting(self, seconds: float, restarts: int) -> bool:
        """Waits before a restart; returns whether the launcher was asked to stop meanwhile."""
        self._journal.record("restarting", restart=restarts, wait_seconds=seconds)
        when = f"in {seconds:g} s" if seconds else "now"
        self._journal.say(
            f"starting again {when} (restart {restarts} of {self._options.max_restarts})"
        )
        happening = self._next_happening(seconds)
        if not isinstance(happening, StopRequested):
            return False
        self._journal.say(f"{happening.signal.name}: not starting again")
        return True

    def _code_after_stop(self, end: TeamEnd) -> int:
        codes = {exited.code for exited in end.exits}
        if not codes <= {0, PREEMPTED}:
            self._journal.say("stopped; not all workers could save")
            return _FAILED
        if PREEMPTED not in codes:
            return 0
        self._journal.say("stopped; all is saved, the same command resumes")
        return PREEMPTED

    def _say_user_error(self, team: Team, end: TeamEnd, code: int) -> None:
        worker = next(exited.worker for exited in end.exits if exited.code == code)
        self._journal.say(f"worker {worker} ended with code {code}; a restart would not help")
        for line in _message(team.last_words(worker)):
            self._journal.say(f"  {line}")


def _message(last_words: list[str]) -> list[str]:
    """Returns the lines of a program's error message; all, if it is none of our programs."""
    starts = [at for at, line in enumerate(last_words) if _MESSAGE.match(line)]
    return last_words[starts[-1] :] if starts else last_words

"""When workers are started again, and how they are stopped; with workers and a clock of paper."""

import dataclasses
import heapq
import itertools
import json
import signal

import pytest

from keras_bert_cls.launching.happenings import StopRequested, WorkerExited
from keras_bert_cls.launching.journal import Journal
from keras_bert_cls.launching.line_writer import LineWriter
from keras_bert_cls.launching.options import LaunchOptions
from keras_bert_cls.launching.supervisor import Supervisor

NEVER = None


@dataclasses.dataclass
class Life:
    """How a worker will end.

    Attributes:
      by_itself: (seconds after its start, code), or NEVER.
      when_asked: (seconds after SIGTERM, code), or NEVER: it ignores SIGTERM.
      says: what it writes to its standard error last.
    """

    by_itself: tuple[float, int] | None = NEVER
    when_asked: tuple[float, int] | None = NEVER
    says: tuple[str, ...] = ()


class World:
    """Time, and what happens in it.

    Args:
      starts: the lives of the workers of each start.
      signals: (time, signal) that reach the launcher.
    """

    def __init__(self, starts, signals=()):
        self.now = 1000.0
        self.started_at = []
        self.sent = []
        self._starts = iter(starts)
        self._order = itertools.count()
        self._coming = []
        for after, number in signals:
            self._plan(after, StopRequested(number))

    def clock(self):
        return self.now

    def start_team(self, start):
        assert start == len(self.started_at)
        self.started_at.append(self.now - 1000.0)
        return PaperTeam(self, next(self._starts))

    def next_happening(self, timeout):
        due = None if timeout is None else self.now + timeout
        if self._coming and (due is None or self._coming[0][0] <= due):
            self.now, _, happening = heapq.heappop(self._coming)
            return happening
        assert due is not None, "would wait for ever"
        self.now = due
        return None

    def _plan(self, after, happening):
        heapq.heappush(self._coming, (self.now + after, next(self._order), happening))

    def plan_exit(self, worker, after, code):
        self._coming = [c for c in self._coming if c[2] != self._exit_of(worker)]
        heapq.heapify(self._coming)
        self._plan(after, WorkerExited(worker, code))

    def _exit_of(self, worker):
        planned = [c[2] for c in self._coming if isinstance(c[2], WorkerExited)]
        return next((exited for exited in planned if exited.worker == worker), None)

    def runs(self, worker, life):
        return self._exit_of(worker) is not None or life.by_itself is NEVER


class PaperTeam:
    def __init__(self, world, lives):
        self._world = world
        self._lives = lives
        self._ended = set()
        for worker, life in enumerate(lives):
            if life.by_itself is not NEVER:
                world.plan_exit(worker, *life.by_itself)

    @property
    def size(self):
        return len(self._lives)

    def terminate(self):
        self._send(signal.SIGTERM, lambda life: life.when_asked)

    def kill(self):
        self._send(signal.SIGKILL, lambda life: (0.0, -signal.SIGKILL))

    def _send(self, number, answer):
        self._world.sent.append((self._world.now - 1000.0, number))
        for worker, life in enumerate(self._lives):
            if answer(life) is not NEVER and self._world.runs(worker, life):
                self._world.plan_exit(worker, *answer(life))

    def last_words(self, worker):
        return list(self._lives[worker].says)

    def close(self):
        pass


@pytest.fixture
def supervise(tmp_path):
    """Runs a supervisor in a world; returns its exit code, what it said, and its events."""

    def supervise(world, **options):
        said, events = tmp_path / "said", tmp_path / "events"
        people, programs = LineWriter.append_to(said), LineWriter.append_to(events)
        code = Supervisor(
            LaunchOptions(**options),
            world.start_team,
            world.next_happening,
            world.clock,
            Journal(people, programs),
        ).run()
        people.close()
        programs.close()
        return (
            code,
            said.read_text(),
            [json.loads(line) for line in events.read_text().splitlines()],
        )

    return supervise


def all_end(code, after=1.0, workers=2):
    return [Life((after, code))] * workers


def test_a_run_that_is_done(supervise):
    world = World([[Life((5, 0)), Life((900, 0))]])
    code, said, events = supervise(world)
    assert (code, said, world.sent) == (0, "", [])
    assert [(e["event"], e.get("worker"), e["code"]) for e in events] == [
        ("exited", 0, 0),
        ("exited", 1, 0),
        ("finished", None, 0),
    ]


def test_a_killed_worker_brings_all_back(supervise):
    world = World([[Life((7, -9)), Life((20, 75))], all_end(0)])
    code, said, events = supervise(world)
    assert code == 0
    assert world.started_at == [0.0, 21.0]  # 1 s after the last one left
    assert world.sent == []
    assert said.splitlines() == [
        "bertcls-launch: worker 0 was killed by SIGKILL; the others have 60 s to leave",
        "bertcls-launch: worker 1 lost another worker",
        "bertcls-launch: starting again in 1 s (restart 1 of 10)",
    ]
    assert [e["event"] for e in events] == [
        "exited",
        "exited",
        "restarting",
        "exited",
        "exited",
        "finished",
    ]
    assert (events[2]["restart"], events[2]["wait_seconds"]) == (1, 1.0)


def test_waits_double_up_to_a_minute_and_begin_anew_after_a_lasting_start(supervise):
    lengths = [1.0] * 9 + [301.0] + [1.0] * 2
    starts = [all_end(139, after=length) for length in lengths]
    world = World([*starts, all_end(0)])
    assert supervise(world, max_restarts=12)[0] == 0
    ends = [at + length for at, length in zip(world.started_at, lengths, strict=False)]
    waits = [b - a for a, b in zip(ends, world.started_at[1:], strict=True)]
    assert waits == [1, 2, 4, 8, 16, 32, 60, 60, 60, 1, 2, 4]


def test_a_saved_run_is_started_at_once(supervise):
    world = World([all_end(42), all_end(42), [Life((1, 42)), Life((1, 75))], all_end(0)])
    code, said, _ = supervise(world)
    assert code == 0
    assert world.started_at == [0, 1, 2, 4]  # Who lost a worker waits.
    assert "starting again now (restart 1 of 10)" in said


@pytest.mark.parametrize(("last", "status"), [(-9, 137), (75, 75), (42, 42), (3, 3)])
def test_giving_up(supervise, last, status):
    world = World([all_end(3), all_end(-11), all_end(last)])
    code, said, events = supervise(world, max_restarts=2)
    assert code == status
    assert "giving up after 2 restarts (--max_restarts)" in said.splitlines()[-1]
    assert events[-1]["code"] == status


@pytest.mark.parametrize("code", [1, 2])
def test_a_user_error_is_not_tried_again_and_said_last(supervise, code):
    message = ("step 1", "bertcls-pretrain: a.txt:3: no text", "Add one.")
    world = World([[Life(when_asked=(2, 42), says=("noise",)), Life((5, code), says=message)]])
    exit_code, said, _ = supervise(world)
    assert exit_code == code
    assert world.sent == [(5.0, signal.SIGTERM)]
    assert said.splitlines()[-3:] == [
        f"bertcls-launch: worker 1 ended with code {code}; a restart would not help",
        "bertcls-launch:   bertcls-pretrain: a.txt:3: no text",
        "bertcls-launch:   Add one.",
    ]


def test_a_user_error_counts_though_another_worker_saw_its_loss_first(supervise):
    world = World([[Life((5, 75)), Life((6, 1), says=("Traceback", "KeyError"))]])
    code, said, _ = supervise(world)
    assert code == 1
    assert said.endswith("bertcls-launch:   Traceback\nbertcls-launch:   KeyError\n")


def test_a_code_that_our_own_sigterm_made_does_not_count(supervise):
    world = World([[Life((5, -9)), Life(when_asked=(1, 1))], all_end(0)])
    assert supervise(world, grace_seconds=30)[0] == 0
    assert world.sent == [(35.0, signal.SIGTERM)]


def test_a_survivor_that_hangs_is_asked_and_then_killed(supervise):
    world = World([[Life((5, -9)), Life()], all_end(0)])
    assert supervise(world)[0] == 0
    assert world.sent == [(65.0, signal.SIGTERM), (75.0, signal.SIGKILL)]
    assert world.started_at == [0.0, 76.0]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_workers_that_save_when_asked(supervise, number):
    world = World([[Life(when_asked=(9, 42))] * 2], signals=[(100, number)])
    code, said, events = supervise(world)
    assert code == 42
    assert world.sent == [(100.0, signal.SIGTERM)]
    assert f"{number.name}: the workers have 60 s to save and stop" in said
    assert events[-1]["code"] == 42


@pytest.mark.parametrize(
    ("answers", "code"),
    [
        ([(9, 42), (9, 0)], 42),
        ([(9, 0), (9, 0)], 0),  # done just then
        ([(9, 42), (9, -15)], 1),
        ([(9, 42), (9, 1)], 1),
        ([(9, 42), NEVER], 1),
    ],
)
def test_exit_code_after_a_stop(supervise, answers, code):
    world = World([[Life(when_asked=a) for a in answers]], signals=[(100, signal.SIGTERM)])
    assert supervise(world, grace_seconds=20)[0] == code
    killed = [(120.0, signal.SIGKILL)] if NEVER in answers else []
    assert world.sent == [(100.0, signal.SIGTERM), *killed]


def test_a_second_interrupt_kills_at_once(supervise):
    world = World([[Life(), Life()]], signals=[(10, signal.SIGINT), (11, signal.SIGINT)])
    assert supervise(world)[0] == 1
    assert world.sent == [(10.0, signal.SIGTERM), (11.0, signal.SIGKILL)]


def test_a_second_sigterm_leaves_the_workers_their_time(supervise):
    signals = [(10, signal.SIGTERM), (11, signal.SIGTERM)]
    world = World([[Life(when_asked=(30, 42))] * 2], signals)
    assert supervise(world)[0] == 42
    assert world.sent == [(10.0, signal.SIGTERM)]


def test_a_stop_while_survivors_leave(supervise):
    world = World([[Life((5, -9)), Life(when_asked=(1, 42))]], signals=[(8, signal.SIGTERM)])
    assert supervise(world)[0] == 1
    assert world.started_at == [0.0]


def test_a_stop_before_a_restart(supervise):
    world = World([all_end(3)], signals=[(1.5, signal.SIGTERM)])
    code, said, _ = supervise(world)
    assert code == 1
    assert said.endswith("SIGTERM: not starting again\n")


def test_a_stop_reaches_workers_that_were_started_again(supervise):
    world = World([all_end(42), [Life(when_asked=(1, 42))] * 2], signals=[(1.5, signal.SIGTERM)])
    assert supervise(world)[0] == 42
    assert world.started_at == [0.0, 1.0]

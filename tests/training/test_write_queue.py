"""The thread that writes: order, bounds, errors."""

import concurrent.futures
import subprocess
import sys
import threading

import pytest

from keras_bert_cls.training.write_queue import WriteQueue

SECONDS = 60


class Held:
    """A write that goes on when it is told to."""

    def __init__(self, done: list, name: str, error: Exception | None = None):
        self.go_on = threading.Event()
        self._done, self._name, self._error = done, name, error

    def __call__(self):
        assert self.go_on.wait(SECONDS)
        if self._error:
            raise self._error
        self._done.append(self._name)


@pytest.fixture
def queue():
    queue = WriteQueue()
    yield queue
    queue.close()


def test_writes_run_one_after_the_other(queue):
    done, writes = [], []
    for name in "abcdef":
        writes.append(Held(done, name))
        queue.put(1, writes[-1])
    for write in reversed(writes):
        write.go_on.set()
    queue.settle()
    assert done == list("abcdef")


@pytest.mark.parametrize(
    ("unfinished", "step", "waits"),
    [
        ([], 10, False),
        ([10], 10, False),
        ([10], 20, False),
        ([10, 10], 20, False),
        ([10, 20], 20, False),
        ([10, 20, 20], 30, True),
        ([10, 10, 20], 30, True),
        ([10, 20], 30, True),
    ],
)
def test_one_step_may_wait_beside_the_one_being_written(
    queue, monkeypatch, unfinished, step, waits
):
    done = []
    writes = [Held(done, number) for number in unfinished]
    for number, write in zip(unfinished, writes, strict=True):
        queue.put(number, write)
    wait, calls = concurrent.futures.wait, []

    def spied(futures, **settings):
        # Whoever waits gets one write done.
        writes[len(calls)].go_on.set()
        calls.append(len(futures))
        return wait(futures, **settings)

    monkeypatch.setattr(concurrent.futures, "wait", spied)
    queue.make_room(step)
    monkeypatch.undo()
    assert bool(calls) == waits
    # The first step's writes made room; the later step's are still there.
    assert done == ([10] * unfinished.count(10) if waits else [])
    for write in writes:
        write.go_on.set()


def test_an_error_is_raised_once_and_later_writes_go_on(queue):
    done = []
    broken, whole = Held(done, "a", OSError("disk")), Held(done, "b")
    queue.put(1, broken)
    queue.put(2, whole)
    queue.check()  # nothing has failed yet
    broken.go_on.set()
    whole.go_on.set()
    queue.settle()
    assert done == ["b"]
    with pytest.raises(OSError, match="disk"):
        queue.check()
    queue.check()


def test_an_error_comes_before_writes_behind_it_are_done(queue):
    broken, slow = Held([], "a", OSError("disk")), Held([], "b")
    broken.go_on.set()
    reached = threading.Event()
    queue.put(1, broken)
    queue.put(1, reached.set)
    queue.put(2, slow)
    assert reached.wait(SECONDS)
    with pytest.raises(OSError, match="disk"):
        queue.check()
    slow.go_on.set()


def test_closing_waits_raises_and_ends_the_thread():
    queue, done = WriteQueue(), []
    writes = [Held(done, "a", OSError("disk")), Held(done, "b")]
    for write in writes:
        queue.put(1, write)
        write.go_on.set()
    with pytest.raises(OSError, match="disk"):
        queue.close()
    assert done == ["b"]
    queue.close()
    with pytest.raises(RuntimeError):
        queue.put(2, writes[1])


def test_a_program_that_ends_waits_for_its_writes():
    program = """
import os
from keras_bert_cls.training.write_queue import WriteQueue

def write():
    os.read(0, 1)
    print("written", flush=True)

WriteQueue().put(1, write)
print("ends", flush=True)
"""
    pipe = subprocess.PIPE
    command = [sys.executable, "-c", program]
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) as process:
        assert process.stdout.readline() == "ends\n"
        assert process.communicate("x", SECONDS) == ("written\n", None)
    assert process.returncode == 0

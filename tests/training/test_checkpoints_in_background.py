"""Saving while the run goes on: what is written, in which order, and how failures are told."""

import errno
import json
import os
import pathlib
import signal
import subprocess
import sys
import threading

import pytest
import tensorflow as tf

from keras_bert_cls.errors import UserError
from keras_bert_cls.training.checkpoints import Checkpoints, Progress
from keras_bert_cls.training.snapshot import Snapshot

SECONDS = 60


class Run:
    """One variable, which holds the step, and its checkpoints."""

    def __init__(self, folder, keep=2):
        self.value = tf.Variable(0.0)
        self.checkpoints = Checkpoints(folder, {"value": self.value}, keep)

    def put(self, step, best=False):
        self.value.assign(step)
        save = self.checkpoints.save_best if best else self.checkpoints.save
        return save(Progress(step))


class Disk:
    """Stands before the real writing: holds it up, counts it, lets it fail.

    Attributes:
      free: an event; nothing is written before it is set.
      written: names of the checkpoints, in the order of writing.
      copies: the steps that copies were made of.
      fails: an error for each name that can't be written.
    """

    def __init__(self):
        self.free = threading.Event()
        self.written: list[str] = []
        self.copies: list[int] = []
        self.fails: dict[str, Exception] = {}
        self.copy, self.write = Snapshot.__init__, Snapshot.write

    def put_before(self, monkeypatch):
        def copy(snapshot, step, variables):
            self.copies.append(step)
            self.copy(snapshot, step, variables)

        def write(snapshot, prefix):
            assert self.free.wait(SECONDS)
            name = pathlib.Path(prefix).parent.name.removeprefix(".writing-")
            self.written.append(name)
            self.write(snapshot, prefix)
            if name in self.fails:
                raise self.fails[name]

        monkeypatch.setattr(Snapshot, "__init__", copy)
        monkeypatch.setattr(Snapshot, "write", write)


@pytest.fixture
def disk(monkeypatch):
    disk = Disk()
    disk.put_before(monkeypatch)
    yield disk
    disk.free.set()


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_what_is_written_is_of_the_moment_of_the_save(tmp_path, disk):
    run = Run(tmp_path)
    progress = Progress(10)
    run.value.assign(10)
    folder = run.checkpoints.save(progress)
    assert not folder.exists()
    run.value.assign(11)
    progress.step = 11
    disk.free.set()
    run.checkpoints.wait()
    assert names(tmp_path) == ["step-000000010"]
    fresh = Run(tmp_path)
    assert fresh.checkpoints.restore_newest() == Progress(10)
    assert float(fresh.value) == 10


def test_the_best_and_the_newest_of_a_step_share_a_copy(tmp_path, disk):
    run = Run(tmp_path)
    run.put(10, best=True)
    run.put(10)
    run.put(20)
    assert disk.copies == [10, 20]
    disk.free.set()
    run.checkpoints.wait()
    assert disk.written == ["best-000000010", "step-000000010", "step-000000020"]
    run.put(20)  # of another moment, for all that can be known
    assert disk.copies == [10, 20, 20]
    for restore, step in (("restore_best", 10), ("restore_newest", 20)):
        assert getattr(run.checkpoints, restore)() == Progress(step)
        assert float(run.value) == step


def test_a_further_step_waits_for_room_before_it_is_copied(tmp_path, disk, monkeypatch):
    run = Run(tmp_path)
    run.put(10)
    run.put(20)
    make_room, seen = run.checkpoints._writes.make_room, []

    def spied(step):
        seen.append((list(disk.copies), list(disk.written)))
        disk.free.set()
        make_room(step)
        seen.append((list(disk.copies), disk.written[:1]))

    monkeypatch.setattr(run.checkpoints._writes, "make_room", spied)
    run.put(30)
    assert seen == [([10, 20], []), ([10, 20], ["step-000000010"])]
    run.checkpoints.wait()
    assert names(tmp_path) == ["step-000000020", "step-000000030"]


def test_many_saves_leave_what_as_many_waits_would(tmp_path, disk):
    run = Run(tmp_path, keep=3)
    disk.free.set()
    for step in range(5, 105, 5):
        if step % 15 == 0:
            run.put(step, best=True)
        run.put(step)
    run.checkpoints.close()
    expected = [
        f"{kind}-{step:09d}"
        for step in range(5, 105, 5)
        for kind in (("best", "step") if step % 15 == 0 else ("step",))
    ]
    assert disk.written == expected
    assert names(tmp_path) == [
        "best-000000090",
        "step-000000090",
        "step-000000095",
        "step-000000100",
    ]
    for folder in tmp_path.iterdir():
        manifest = json.loads((folder / "manifest.json").read_text())
        assert manifest["progress"]["step"] == int(folder.name[-9:])
        value = tf.train.load_checkpoint(str(folder / "state")).get_tensor("value")
        assert value == int(folder.name[-9:])


def test_the_newest_is_waited_for(tmp_path, disk, monkeypatch):
    run = Run(tmp_path)
    run.put(10)
    settle = run.checkpoints._writes.settle

    def spied():
        disk.free.set()
        settle()

    monkeypatch.setattr(run.checkpoints._writes, "settle", spied)
    assert run.checkpoints.newest() == tmp_path / "step-000000010"
    assert (tmp_path / "step-000000010/manifest.json").exists()


def full_disk():
    return OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.mark.parametrize("how", ["wait", "close", "restore_newest", "restore_best"])
def test_a_failure_is_told_once(tmp_path, disk, how):
    run = Run(tmp_path)
    disk.free.set()
    run.put(10)
    disk.fails = {"best-000000020": full_disk(), "step-000000020": full_disk()}
    run.put(20, best=True)
    run.put(20)
    message = "best-000000020: the checkpoint could not be written: .*No space left"
    with pytest.raises(UserError, match=message):
        getattr(run.checkpoints, how)()
    run.checkpoints.check()
    run.checkpoints.wait()
    assert names(tmp_path) == ["step-000000010"]
    run.checkpoints.close()


@pytest.mark.parametrize("how", ["check", "save", "save_best"])
def test_a_failure_is_told_as_the_run_goes_on(tmp_path, disk, how):
    run = Run(tmp_path)
    disk.fails = {"step-000000020": full_disk()}
    run.put(20)
    run.checkpoints.check()  # has not failed yet
    disk.free.set()
    assert run.checkpoints.newest() is None  # waits, and tells nothing
    arguments = () if how == "check" else (Progress(30),)
    with pytest.raises(UserError, match="step-000000020: the checkpoint could not be written"):
        getattr(run.checkpoints, how)(*arguments)
    assert names(tmp_path) == []
    run.put(40)
    run.checkpoints.wait()
    assert names(tmp_path) == ["step-000000040"]


def test_a_fault_of_ours_is_not_hidden(tmp_path, disk):
    run = Run(tmp_path)
    disk.free.set()
    disk.fails = {"step-000000010": ZeroDivisionError()}
    run.put(10)
    with pytest.raises(ZeroDivisionError):
        run.checkpoints.wait()
    assert names(tmp_path) == []


# os.write: print() from two threads may put a line into the middle of the other.
KILLED = """
import os, sys, threading
import tensorflow as tf
from keras_bert_cls.training.checkpoints import Checkpoints, Progress
from keras_bert_cls.training.snapshot import Snapshot

value = tf.Variable(10.0)
checkpoints = Checkpoints(sys.argv[1], {"value": value})
checkpoints.save(Progress(10))
checkpoints.wait()
write = Snapshot.write

def write_and_hang(snapshot, prefix):
    write(snapshot, prefix)
    os.write(1, b"written\\n")
    threading.Event().wait()

Snapshot.write = write_and_hang
value.assign(20.0)
checkpoints.save_best(Progress(20))
checkpoints.save(Progress(20))
os.write(1, b"goes on\\n")
checkpoints.wait()
"""


def test_a_kill_amid_a_write_leaves_the_older_one(tmp_path):
    command = [sys.executable, "-c", KILLED, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        lines = {process.stdout.readline(), process.stdout.readline()}
        process.send_signal(signal.SIGKILL)
    assert lines == {"written\n", "goes on\n"}
    assert process.returncode == -signal.SIGKILL
    assert names(tmp_path) == [".writing-best-000000020", "step-000000010"]
    assert "state.index" in names(tmp_path / ".writing-best-000000020")
    run = Run(tmp_path)
    assert run.checkpoints.restore_best() is None
    assert run.checkpoints.restore_newest() == Progress(10)
    assert float(run.value) == 10
    assert names(tmp_path) == ["step-000000010"]
    run.put(20)
    run.checkpoints.wait()
    assert names(tmp_path) == ["step-000000010", "step-000000020"]

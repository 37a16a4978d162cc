"""Whole runs in processes of their own: started, killed, compared."""

import copy
import json
import os
import pathlib
import signal
import subprocess
import sys
import time

import keras
import numpy as np

from keras_bert_cls.cli import launch as launch_program
from keras_bert_cls.training.step_timings import TIMINGS

SECONDS = 300


class Program:
    """A command that is started again and again."""

    def __init__(self, name: str, config: pathlib.Path, workdir: pathlib.Path, *flags: str):
        self.workdir = workdir
        self.command = [sys.executable, "-m", f"keras_bert_cls.cli.{name}"]
        self.command += [f"--config={config}", f"--workdir={workdir}", *flags]

    def on_workers(self, count: int, *flags: str) -> "Program":
        """Returns the same run, started by bertcls-launch as some workers."""
        launched = copy.copy(self)
        launch = [sys.executable, "-m", launch_program.__name__, f"--workers={count}"]
        launched.command = [*launch, *flags, "--", *self.command]
        return launched

    def start(self) -> subprocess.Popen:
        with open(f"{self.workdir}.log", "a") as log:
            return subprocess.Popen(self.command, stdout=log, stderr=subprocess.STDOUT)

    def finish(self) -> None:
        """Runs to the end."""
        code = self.start().wait(SECONDS)
        assert code == 0, pathlib.Path(f"{self.workdir}.log").read_text()

    def kill_when(self, condition) -> bool:
        """Starts, kills as soon as a condition holds; returns False if the run ended before."""
        process = self.start()
        end = time.monotonic() + SECONDS
        while process.poll() is None and not condition():
            assert time.monotonic() < end
            time.sleep(0.002)
        process.send_signal(signal.SIGKILL)
        return process.wait(SECONDS) == -signal.SIGKILL

    def has_logged(self, step: int):
        """Returns whether metrics.jsonl is at `step`."""
        lines = read_lines(self.workdir / "metrics.jsonl")
        return bool(lines) and lines[-1]["step"] >= step

    def is_saving(self, step: int):
        """Returns whether a checkpoint of `step` or later is being written, or there."""
        folder = self.workdir / "checkpoints"
        names = os.listdir(folder) if folder.exists() else []
        return any(int(name.rsplit("-", 1)[-1]) >= step for name in names)


def read_lines(path: pathlib.Path) -> list[dict]:
    """Returns the whole lines of metrics.jsonl, without speeds."""
    if not path.exists():
        return []
    lines = [line for line in path.read_text().splitlines(keepends=True) if line.endswith("\n")]
    values = [json.loads(line) for line in lines]
    return [{name: v for name, v in line.items() if name not in TIMINGS} for line in values]


def weights_of(workdir: pathlib.Path) -> dict[str, np.ndarray]:
    """Returns the weights of a finished run, by path."""
    model = keras.saving.load_model(workdir / "model.keras")
    return {variable.path: variable.numpy() for variable in model.trainable_variables}


def assert_same_end(one: pathlib.Path, other: pathlib.Path) -> None:
    """Compares two finished runs."""
    first, second = weights_of(one), weights_of(other)
    assert list(first) == list(second)
    for path, values in first.items():
        assert float(np.abs(values - second[path]).max()) == 0.0, path
    assert read_lines(one / "metrics.jsonl") == read_lines(other / "metrics.jsonl")
    scores = [run / "scores.json" for run in (one, other)]
    if scores[0].exists():
        assert scores[0].read_text() == scores[1].read_text()
    names = [sorted(os.listdir(run / "checkpoints")) for run in (one, other)]
    assert names[0] == names[1]

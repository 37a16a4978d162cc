"""A run that is killed with SIGKILL, again and again, ends as if nothing had happened."""

import json
import os
import pathlib
import random
import signal
import subprocess
import sys
import time

import keras
import numpy as np
import pytest
from tiny_runs import finetune_config, pretrain_config, write_config, write_files

from keras_bert_cls.training.step_timings import TIMINGS

SECONDS = 300


class Program:
    """A command that is started again and again."""

    def __init__(self, name: str, config: pathlib.Path, workdir: pathlib.Path):
        self.workdir = workdir
        self.command = [sys.executable, "-m", f"keras_bert_cls.cli.{name}"]
        self.command += [f"--config={config}", f"--workdir={workdir}"]

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


def assert_same_end(one: pathlib.Path, other: pathlib.Path) -> None:
    """Compares two finished runs."""
    models = [keras.saving.load_model(run / "model.keras") for run in (one, other)]
    for first, second in zip(*(model.trainable_variables for model in models), strict=True):
        assert first.path == second.path
        assert float(np.abs(first.numpy() - second.numpy()).max()) == 0.0, first.path
    assert read_lines(one / "metrics.jsonl") == read_lines(other / "metrics.jsonl")
    scores = [run / "scores.json" for run in (one, other)]
    if scores[0].exists():
        assert scores[0].read_text() == scores[1].read_text()
    names = [sorted(os.listdir(run / "checkpoints")) for run in (one, other)]
    assert names[0] == names[1]


@pytest.fixture
def files(tmp_path):
    write_files(tmp_path)
    return tmp_path


TRAIN = {
    "train_steps": 240,
    "train_log_every": 6,
    "train_eval_every": 35,
    "train_checkpoint_every": 20,
    "train_steps_per_call": 6,
}


def check(name: str, config, files, kills: int, seed: int) -> None:
    """Compares an uninterrupted run with one that is killed `kills` times."""
    path = write_config(files / "config.py", config)
    whole = Program(name, path, files / "whole")
    whole.finish()
    broken = Program(name, path, files / "broken")
    draw = random.Random(seed)
    for kill in range(kills):
        # Somewhere in the next part of the run; half of the kills while it saves.
        step = (kill + draw.random()) * 0.9 * config.train.steps / kills
        condition = broken.is_saving if kill % 2 else broken.has_logged
        assert broken.kill_when(lambda c=condition, s=step: c(s))
        assert not (broken.workdir / "model.keras").exists()
    broken.finish()
    assert_same_end(whole.workdir, broken.workdir)


def test_fine_tuning(files):
    config = finetune_config(
        files,
        **TRAIN,
        encoder_num_layers=1,
        train_metric="loss",
        train_accumulation=2,
        data_test_files=(),
    )
    assert config.encoder.dropout == config.head.dropout == 0.1
    check("finetune", config, files, kills=2, seed=1)


def test_pretraining(files):
    config = pretrain_config(files, **TRAIN, encoder_num_layers=1, train_max_tokens_per_batch=100)
    assert config.encoder.dropout == 0.1
    check("pretrain", config, files, kills=2, seed=2)


@pytest.mark.slow
@pytest.mark.parametrize("precision", ["float32", "mixed_bfloat16", "mixed_float16"])
def test_fine_tuning_killed_many_times(files, precision):
    config = finetune_config(
        files,
        **TRAIN,
        train_precision=precision,
        train_patience=100,
        train_max_tokens_per_batch=100,
        head_class_weight="balanced",
    )
    check("finetune", config, files, kills=8, seed=3)


@pytest.mark.slow
def test_pretraining_killed_many_times(files):
    config = pretrain_config(
        files,
        **TRAIN,
        data_dev_files=(f"{files}/prose.txt",),
        data_pair_objective="nsp",
        train_accumulation=2,
    )
    check("pretrain", config, files, kills=8, seed=4)


@pytest.mark.slow
def test_kills_at_any_time(files):
    path = write_config(files / "config.py", finetune_config(files, **TRAIN))
    whole = Program("finetune", path, files / "whole")
    start = time.monotonic()
    whole.finish()
    seconds = time.monotonic() - start
    broken = Program("finetune", path, files / "broken")
    draw = random.Random(5)
    for _ in range(8):
        # Also while it imports, reads, scores or writes the model.
        end = time.monotonic() + draw.random() * seconds
        broken.kill_when(lambda end=end: time.monotonic() > end)
    broken.finish()
    assert_same_end(whole.workdir, broken.workdir)


@pytest.mark.slow
def test_two_processes_agree_on_a_model_of_many_threads(files):
    # Wide enough for TensorFlow to share one matrix product out over threads.
    config = pretrain_config(
        files,
        encoder_hidden_dim=256,
        encoder_intermediate_dim=1024,
        encoder_max_sequence_length=128,
        data_max_length=128,
        train_batch_size=32,
        train_steps=60,
        train_accumulation=4,
    )
    path = write_config(files / "config.py", config)
    runs = [Program("pretrain", path, files / name) for name in ("one", "two")]
    for run in runs:
        run.finish()
    assert_same_end(*(run.workdir for run in runs))

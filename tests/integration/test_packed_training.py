"""Pretraining from packed shards: alone, killed, on two workers, with a tf.data service."""

import contextlib
import pathlib
import re
import subprocess
import sys

import numpy as np
import pytest
from tiny_runs import pretrain_config, write_config, write_files
from whole_runs import Program, assert_same_end, weights_of

TRAIN = {
    "train_steps": 60,
    "train_log_every": 5,
    "train_checkpoint_every": 20,
    "train_steps_per_call": 5,
}


@pytest.fixture
def config(tmp_path) -> pathlib.Path:
    write_files(tmp_path)
    packed = tmp_path / "packed"
    command = [sys.executable, "-m", "keras_bert_cls.cli.pack", f"--files={tmp_path}/prose.txt"]
    command += [f"--vocabulary={tmp_path}/vocab.txt", "--max_length=16", "--rows_per_shard=8"]
    subprocess.run([*command, f"--output={packed}"], check=True, capture_output=True)
    config = pretrain_config(tmp_path, **TRAIN, data_files=(), data_packed=str(packed))
    return write_config(tmp_path / "config.py", config)


def test_a_killed_run_ends_as_if_nothing_had_happened(config, tmp_path):
    whole = Program("pretrain", config, tmp_path / "whole")
    whole.finish()
    broken = Program("pretrain", config, tmp_path / "broken")
    assert broken.kill_when(lambda: broken.has_logged(30))
    broken.finish()
    assert_same_end(whole.workdir, broken.workdir)


@contextlib.contextmanager
def data_service(*arguments: str):
    """Runs a server of a tf.data service; gives the address that it says."""
    command = [sys.executable, "-m", "keras_bert_cls.cli.data_service", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            address = re.search(r"\S+:\d+", server.stdout.readline())
            assert address is not None
            yield address[0]
        finally:
            server.kill()


@pytest.mark.slow
def test_workers_and_a_service_change_nothing(config, tmp_path):
    one = Program("pretrain", config, tmp_path / "one")
    one.finish()
    two = Program("pretrain", config, tmp_path / "two").on_workers(2, "--max_restarts=0")
    two.finish()
    expected, found = weights_of(one.workdir), weights_of(two.workdir)
    assert max(float(np.abs(found[path] - expected[path]).max()) for path in expected) <= 1e-5
    with (
        data_service("--role=dispatcher", "--port=0") as dispatcher,
        data_service("--role=worker", f"--dispatcher={dispatcher}", "--port=0"),
        data_service("--role=worker", f"--dispatcher={dispatcher}", "--port=0"),
    ):
        served = Program("pretrain", config, tmp_path / "served", f"--data_service={dispatcher}")
        served.finish()
    assert_same_end(one.workdir, served.workdir)

"""Runs that are asked to stop, or lose a worker: exit codes, and how they go on."""

import json
import os
import pathlib
import signal
import subprocess
import time

import pytest
from tiny_runs import finetune_config, pretrain_config, write_config, write_files
from whole_runs import SECONDS, Program, assert_same_end
from worker_scripts import free_ports

TRAIN = {
    "train_steps": 120,
    "train_log_every": 7,
    "train_eval_every": 30,
    "train_checkpoint_every": 40,
    "train_steps_per_call": 3,
}


@pytest.fixture
def files(tmp_path):
    write_files(tmp_path)
    return tmp_path


def wait_until(condition, processes) -> None:
    end = time.monotonic() + SECONDS
    while not condition():
        assert all(process.poll() is None for process in processes)
        assert time.monotonic() < end
        time.sleep(0.002)


def test_sigterm_saves_and_the_same_command_resumes(files):
    path = write_config(files / "config.py", finetune_config(files, **TRAIN, data_test_files=()))
    whole = Program("finetune", path, files / "whole")
    whole.finish()
    stopped = Program("finetune", path, files / "stopped")
    process = stopped.start()
    wait_until(lambda: stopped.has_logged(14), [process])
    process.send_signal(signal.SIGTERM)
    assert process.wait(SECONDS) == 42
    said = pathlib.Path(f"{stopped.workdir}.log").read_text()
    assert "asked to stop (SIGTERM): saved after step" in said and "Traceback" not in said
    saved = max(path.name for path in (stopped.workdir / "checkpoints").glob("step-*"))
    assert 14 <= int(saved.removeprefix("step-")) < 120
    stopped.finish()
    assert_same_end(whole.workdir, stopped.workdir)


def start_workers(files, workdirs) -> list[subprocess.Popen]:
    """Starts two workers that know each other by --cluster; returns when they train."""
    path = write_config(
        files / "config.py", pretrain_config(files, **TRAIN | {"train_steps": 9000})
    )
    cluster = ",".join(f"127.0.0.1:{port}" for port in free_ports(2))
    programs = [
        Program("pretrain", path, workdir, f"--cluster={cluster}", f"--task={task}")
        for task, workdir in enumerate(workdirs)
    ]
    # The log file is named for the workdir; workers that share one write to it in turn.
    processes = [program.start() for program in programs]
    wait_until(lambda: programs[0].has_logged(14), processes)
    return processes


@pytest.mark.parametrize(("sent", "code"), [(signal.SIGTERM, 42), (signal.SIGKILL, 75)])
def test_what_strikes_one_worker_ends_both(files, sent, code):
    # Each worker has a folder of its own: a shared disk is not needed.
    workdirs = [files / "chief", files / "other"]
    chief, other = start_workers(files, workdirs)
    other.send_signal(sent)
    assert chief.wait(60) == code
    assert other.wait(60) == (code if sent == signal.SIGTERM else -sent)
    said = pathlib.Path(f"{workdirs[0]}.log").read_text()
    expected = "saved after step" if code == 42 else "another worker stopped"
    assert expected in said and "Traceback" not in said
    assert not (workdirs[1] / "checkpoints").exists()


@pytest.mark.slow
@pytest.mark.parametrize("victim", [0, 1])
@pytest.mark.parametrize("sent", [signal.SIGKILL, signal.SIGSTOP])
def test_a_survivor_never_hangs(files, victim, sent):
    # Stopped, a worker keeps its connections open, as a machine that lost its power does.
    processes = start_workers(files, [files / "shared"] * 2)
    processes[victim].send_signal(sent)
    try:
        assert processes[1 - victim].wait(60) == 75
    finally:
        processes[victim].kill()
        processes[victim].wait(SECONDS)


@pytest.mark.slow
def test_workers_with_other_data_are_told_so(files):
    path = write_config(files / "config.py", pretrain_config(files, **TRAIN))
    folder = files / "elsewhere"
    folder.mkdir()
    write_files(folder, rows=20)
    text = (folder / "prose.txt").read_text()
    (folder / "prose.txt").write_text(text[: len(text) // 2])
    other = write_config(
        files / "other.py",
        pretrain_config(files, **TRAIN, data_files=(f"{folder}/prose.txt",)),
    )
    cluster = ",".join(f"127.0.0.1:{port}" for port in free_ports(2))
    programs = [
        Program("pretrain", config, files / f"run-{task}", f"--cluster={cluster}", f"--task={task}")
        for task, config in enumerate((path, other))
    ]
    codes = [process.wait(SECONDS) for process in [program.start() for program in programs]]
    assert codes == [75, 1]
    assert "this worker reads other data than the chief" in (files / "run-1.log").read_text()
    assert json.loads((files / "run-0/config.json").read_text())
    assert not os.path.exists(files / "run-0/checkpoints/step-000000001")

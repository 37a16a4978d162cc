"""A run of two workers under bertcls-launch, whose workers are killed again and again."""

import json
import os
import pathlib
import random
import signal
import time

import pytest
from tiny_runs import pretrain_config, write_config, write_files
from whole_runs import SECONDS, Program, assert_same_end

KILLS = 10


def newest_pids(events: pathlib.Path) -> dict[int, int]:
    """Returns the process of each worker in the newest start; empty if it is not whole yet."""
    text = events.read_text() if events.exists() else ""
    lines = [json.loads(line) for line in text.splitlines(keepends=True) if line.endswith("\n")]
    started = [line for line in lines if line["event"] == "started"]
    if not started or lines[-1]["event"] == "restarting":
        return {}
    newest = max(line["start"] for line in started)
    pids = {line["worker"]: line["pid"] for line in started if line["start"] == newest}
    return pids if len(pids) == 2 else {}


@pytest.mark.slow
def test_ten_kills_change_nothing(tmp_path):
    write_files(tmp_path)
    config = pretrain_config(
        tmp_path,
        train_steps=600,
        train_log_every=10,
        train_eval_every=50,
        train_checkpoint_every=20,
        train_steps_per_call=5,
        train_accumulation=2,
        data_dev_files=(f"{tmp_path}/prose.txt",),
    )
    path = write_config(tmp_path / "config.py", config)
    whole = Program("pretrain", path, tmp_path / "whole").on_workers(2, "--max_restarts=0")
    whole.finish()
    events = tmp_path / "events.jsonl"
    broken = Program("pretrain", path, tmp_path / "broken").on_workers(
        2, "--max_restarts=100", "--longest_wait_seconds=1", f"--events={events}"
    )
    seed = int(os.environ.get("CHAOS_SEED", random.SystemRandom().randrange(10**6)))
    print(f"CHAOS_SEED={seed} repeats these kills")
    draw = random.Random(seed)
    process = broken.start()
    last_killed: dict[int, int] = {}
    for kill in range(KILLS):
        # A random step of the run's next tenth; some kills strike while a checkpoint is written.
        step = int((kill + draw.random()) * config.train.steps / (KILLS + 1))
        victim = draw.randrange(2)
        sent = draw.choice([signal.SIGKILL, signal.SIGKILL, signal.SIGKILL, signal.SIGTERM])
        reached = broken.is_saving if draw.random() < 0.5 else broken.has_logged
        end = time.monotonic() + SECONDS
        while not (reached(step) and newest_pids(events) not in ({}, last_killed)):
            assert process.poll() is None, pathlib.Path(f"{broken.workdir}.log").read_text()[-3000:]
            assert time.monotonic() < end
            time.sleep(0.005)
        last_killed = newest_pids(events)
        os.kill(last_killed[victim], sent)
    code = process.wait(SECONDS)
    assert code == 0, pathlib.Path(f"{broken.workdir}.log").read_text()[-3000:]
    lines = [json.loads(line) for line in events.read_text().splitlines()]
    assert sum(line["event"] == "restarting" for line in lines) >= KILLS
    assert_same_end(whole.workdir, broken.workdir)

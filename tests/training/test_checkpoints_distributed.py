"""One run that goes from strategy to strategy by its checkpoints."""

import contextlib
import json
import os
import pathlib
import socket
import subprocess
import sys

import strategy_run
import tensorflow as tf

from keras_bert_cls.training.checkpoints import Progress

SECONDS = 120


def free_ports(count: int) -> list[int]:
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]


def run(
    strategy: str, folder: pathlib.Path, steps: int, configs: tuple[dict, ...] = ({},)
) -> list[dict[int, list[str]]]:
    """Runs a program for each TF_CONFIG; returns the digests that they print."""
    command = [sys.executable, strategy_run.__file__, strategy, str(folder), str(steps)]
    pipe = subprocess.PIPE
    with contextlib.ExitStack() as stack:
        processes = []
        for config in configs:
            environment = {**os.environ, "TF_CONFIG": json.dumps(config)}
            process = subprocess.Popen(command, stdout=pipe, stderr=pipe, env=environment)
            processes.append(stack.enter_context(process))
            stack.callback(process.kill)
        outputs = [process.communicate(timeout=SECONDS) for process in processes]
    for process, (_, errors) in zip(processes, outputs, strict=True):
        assert process.returncode == 0, errors.decode()
    printed = [json.loads(output) for output, _ in outputs]
    return [{int(step): values for step, values in one.items()} for one in printed]


def two_workers() -> tuple[dict, ...]:
    cluster = {"worker": [f"127.0.0.1:{port}" for port in free_ports(2)]}
    return tuple({"cluster": cluster, "task": {"type": "worker", "index": n}} for n in range(2))


def test_a_run_goes_on_under_another_strategy(tmp_path):
    default = tf.distribute.get_strategy()
    expected = strategy_run.StrategyRun(default, tmp_path / "whole").run(6)
    assert len({digest for (digest,) in expected.values()}) == 7
    folder = tmp_path / "changing"
    strategy_run.StrategyRun(default, folder).run(1)
    (mirrored,) = run("mirrored", folder, 3)
    assert mirrored == {step: expected[step] * 2 for step in (1, 2, 3)}
    workers = run("multi_worker", folder, 5, two_workers())
    assert workers == [{step: expected[step] for step in (3, 4, 5)}] * 2
    assert strategy_run.StrategyRun(default, folder).run(6) == {5: expected[5], 6: expected[6]}
    last = strategy_run.StrategyRun(default, folder)
    assert last.checkpoints.restore_newest() == Progress(6)
    assert last.digests() == expected[6]

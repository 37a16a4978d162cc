"""What a fault does to a run of two workers, and what the same command makes of it.

Pretrains the demo's model on two workers, strikes one of them in the middle, measures how the other
one ends, gives the same command again and compares the end with an uninterrupted run. Prints a
table and a JSON line; takes some minutes on two cores.

    python -m benchmarks.faults
"""

import dataclasses
import json
import pathlib
import shutil
import signal
import subprocess
import tempfile
import time

from benchmarks.demo_runs import (
    free_cluster,
    largest_difference,
    learn_vocabulary,
    metrics,
    training,
    weights,
)
from keras_bert_cls.cli.program import Program

program = Program("benchmarks.faults", __doc__)

_STRUCK_AT = 60
_SETTINGS = (
    "--config.train.steps=150",
    "--config.train.log_every=10",
    "--config.train.checkpoint_every=25",
    "--config.train.steps_per_call=5",
)
_FAULTS = (
    ("SIGKILL of the chief", 0, signal.SIGKILL),
    ("SIGKILL of the other worker", 1, signal.SIGKILL),
    ("SIGSTOP of the other worker (as a machine without power)", 1, signal.SIGSTOP),
    ("SIGTERM to the chief", 0, signal.SIGTERM),
    ("SIGTERM to the other worker", 1, signal.SIGTERM),
)


@dataclasses.dataclass
class Outcome:
    """What became of a run.

    Attributes:
      fault: what happened.
      survivor_code: exit code of the worker that was not struck.
      survivor_seconds: until it ended.
      lost_steps: steps that were done again.
      weights: largest difference to the uninterrupted run's weights.
      metrics_equal: whether metrics.jsonl is the same, times aside.
    """

    fault: str
    survivor_code: int
    survivor_seconds: float
    lost_steps: int
    weights: float
    metrics_equal: bool


def _start(vocabulary: pathlib.Path, workdir: pathlib.Path) -> list[subprocess.Popen]:
    cluster = free_cluster(2)
    return [
        subprocess.Popen(
            training(
                "pretrain",
                vocabulary,
                workdir,
                *_SETTINGS,
                f"--cluster={cluster}",
                f"--task={task}",
            ),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for task in range(2)
    ]


def _finish(vocabulary: pathlib.Path, workdir: pathlib.Path) -> None:
    codes = [process.wait() for process in _start(vocabulary, workdir)]
    assert codes == [0, 0], codes


def _last_step(workdir: pathlib.Path) -> int:
    return max((line["step"] for line in metrics(workdir)), default=0)


def strike(
    fault: str, victim: int, sent: signal.Signals, vocabulary: pathlib.Path, whole: pathlib.Path
) -> Outcome:
    """Strikes a run and brings it to its end."""
    workdir = whole.with_name("struck")
    shutil.rmtree(workdir, ignore_errors=True)
    processes = _start(vocabulary, workdir)
    while _last_step(workdir) < _STRUCK_AT:
        assert all(process.poll() is None for process in processes)
        time.sleep(0.01)
    start = time.perf_counter()
    processes[victim].send_signal(sent)
    code = processes[1 - victim].wait()
    seconds = time.perf_counter() - start
    processes[victim].kill()
    processes[victim].wait()
    saved = max(int(path.name[5:]) for path in (workdir / "checkpoints").glob("step-*"))
    done = max(saved, _last_step(workdir))
    _finish(vocabulary, workdir)
    return Outcome(
        fault,
        code,
        seconds,
        done - saved,
        largest_difference(weights(whole), weights(workdir)),
        metrics(whole) == metrics(workdir),
    )


def _run(_: list[str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        vocabulary, whole = pathlib.Path(folder, "vocab.txt"), pathlib.Path(folder, "whole")
        learn_vocabulary(vocabulary)
        _finish(vocabulary, whole)
        outcomes = [strike(*fault, vocabulary, whole) for fault in _FAULTS]
    print(
        "| fault | survivor's exit code | after | steps done again | weight difference | metrics |"
    )
    print("|---|---|---|---|---|---|")
    for row in outcomes:
        equal = "equal" if row.metrics_equal else "differ"
        print(
            f"| {row.fault} | {row.survivor_code} | {row.survivor_seconds:.1f} s | "
            f"{row.lost_steps} | {row.weights} | {equal} |"
        )
    print(json.dumps([dataclasses.asdict(row) for row in outcomes]))


def main(argv: list[str] | None = None) -> int:
    """Runs the program."""
    return program.run(_run, argv)


if __name__ == "__main__":
    raise SystemExit(main())

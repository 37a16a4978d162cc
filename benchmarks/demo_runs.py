"""Short runs of the demo's configs, in processes of their own."""

import json
import pathlib
import socket
import subprocess
import sys

import numpy as np

CORPUS = ("prose_zh.txt", "prose_en.txt", "train.tsv")


def program(name: str, *arguments: str) -> list[str]:
    """Returns the command line of a program of ours."""
    return [sys.executable, "-m", f"keras_bert_cls.cli.{name}", *arguments]


def learn_vocabulary(path: pathlib.Path) -> None:
    """Learns the demo's vocabulary."""
    texts = [f"--input=demo/corpus/{name}" for name in CORPUS]
    command = program("vocab", *texts, "--text_column=text", "--size=4000", f"--output={path}")
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def training(kind: str, vocabulary: pathlib.Path, workdir: pathlib.Path, *flags: str) -> list[str]:
    """Returns the command of a run of configs/demo_KIND.py."""
    command = program(kind, f"--config=configs/demo_{kind}.py", f"--workdir={workdir}", *flags)
    return [*command, f"--config.tokenizer.vocabulary={vocabulary}"]


def on_two_workers(command: list[str]) -> list[str]:
    """Returns the command that runs another one as two workers of this machine."""
    return program("launch", "--workers=2", "--max_restarts=0", "--", *command)


def free_cluster(workers: int) -> str:
    """Returns free addresses for --cluster."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(workers)]
    addresses = [f"127.0.0.1:{one.getsockname()[1]}" for one in sockets]
    for one in sockets:
        one.close()
    return ",".join(addresses)


def weights(workdir: pathlib.Path) -> list[np.ndarray]:
    """Returns the weights of a finished run."""
    import keras

    import keras_bert_cls  # noqa: F401 - registers the layers

    model = keras.saving.load_model(workdir / "model.keras")
    return [variable.numpy() for variable in model.trainable_variables]


def largest_difference(one: list[np.ndarray], other: list[np.ndarray]) -> float:
    """Returns the largest difference between the weights of two runs."""
    return max(float(np.abs(a - b).max()) for a, b in zip(one, other, strict=True))


def metrics(workdir: pathlib.Path) -> list[dict]:
    """Returns the whole lines of metrics.jsonl, without times."""
    from keras_bert_cls.training.step_timings import TIMINGS

    path = workdir / "metrics.jsonl"
    lines = path.read_text().splitlines(keepends=True) if path.exists() else []
    values = [json.loads(line) for line in lines if line.endswith("\n")]
    return [{name: v for name, v in line.items() if name not in TIMINGS} for line in values]

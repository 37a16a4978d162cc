"""How equal the strategies are: the demo's configs under each, against one device.

Pretrains and fine-tunes the demo's models for some steps on one device, on two replicas of
MirroredStrategy and on two workers of MultiWorkerMirroredStrategy, with the configs' dropout,
clipping and batches of uneven length. Prints a table and a JSON line; takes some minutes on two
cores.

    python -m benchmarks.strategies
"""

import dataclasses
import json
import pathlib
import subprocess
import tempfile

from absl import flags

from benchmarks.demo_runs import (
    largest_difference,
    learn_vocabulary,
    metrics,
    on_two_workers,
    training,
    weights,
)
from keras_bert_cls.cli.program import Program

program = Program("benchmarks.strategies", __doc__)
_STEPS = flags.DEFINE_integer(
    "steps", 20, "Steps of each run.", lower_bound=1, flag_values=program.flags
)

_VARIANTS = {
    "pretrain": {
        "float32": (),
        "float32, 2 accumulated pieces": ("--config.train.accumulation=2",),
        "float32, XLA": ("--config.train.jit_compile=true", "--config.encoder.pack_tokens=false"),
        "mixed_bfloat16": ("--config.train.precision=mixed_bfloat16",),
        "mixed_float16": ("--config.train.precision=mixed_float16",),
    },
    "finetune": {
        "float32": (),
        "float32, 2 accumulated pieces": ("--config.train.accumulation=2",),
    },
}
_STRATEGIES = {
    "one": ["--strategy=one"],
    "mirrored": ["--strategy=mirrored", "--devices=2"],
    "multi_worker": ["--strategy=multi_worker"],
}


@dataclasses.dataclass
class Equality:
    """A strategy against one device.

    Attributes:
      run: "pretrain" or "finetune".
      variant: what was changed in the config.
      strategy: "mirrored" or "multi_worker", of two replicas.
      weights: largest difference of a weight.
      loss: largest difference of a step's logged loss.
    """

    run: str
    variant: str
    strategy: str
    weights: float
    loss: float


def compare(folder: pathlib.Path) -> list[Equality]:
    """Makes all runs."""
    vocabulary = folder / "vocab.txt"
    learn_vocabulary(vocabulary)
    start = folder / "start"
    _run(training("pretrain", vocabulary, start, "--config.train.steps=5"), "one")
    found = []
    for kind, variants in _VARIANTS.items():
        for number, (variant, settings) in enumerate(variants.items()):
            shared = [*settings, "--config.train.epochs=0", f"--config.train.steps={_STEPS.value}"]
            shared += ["--config.train.log_every=1"]
            if kind == "finetune":
                shared += [f"--config.init_from={start}"]
            workdirs = {name: folder / f"{kind}-{number}-{name}" for name in _STRATEGIES}
            for strategy, workdir in workdirs.items():
                _run(training(kind, vocabulary, workdir, *shared), strategy)
            found += [
                _equality(kind, variant, strategy, workdirs["one"], workdirs[strategy])
                for strategy in ("mirrored", "multi_worker")
            ]
    return found


def _run(command: list[str], strategy: str) -> None:
    command = [*command, *_STRATEGIES[strategy]]
    if strategy == "multi_worker":
        command = on_two_workers(command)
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def _equality(
    kind: str, variant: str, strategy: str, one: pathlib.Path, other: pathlib.Path
) -> Equality:
    losses = [
        [line["loss"] for line in metrics(workdir) if line["kind"] == "train"]
        for workdir in (one, other)
    ]
    return Equality(
        kind,
        variant,
        strategy,
        largest_difference(weights(one), weights(other)),
        max(abs(a - b) for a, b in zip(*losses, strict=True)),
    )


def _run_program(_: list[str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        found = compare(pathlib.Path(folder))
    print("| run | variant | strategy, 2 replicas | largest weight difference | of a loss |")
    print("|---|---|---|---|---|")
    for row in found:
        print(
            f"| {row.run} | {row.variant} | {row.strategy} | {row.weights:.1e} | {row.loss:.1e} |"
        )
    print(json.dumps([dataclasses.asdict(row) for row in found]))


def main(argv: list[str] | None = None) -> int:
    """Runs the program."""
    return program.run(_run_program, argv)


if __name__ == "__main__":
    raise SystemExit(main())

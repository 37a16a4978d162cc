"""A short run of the benchmarks against a stored one: which ratios moved?

  python -m benchmarks.quick                # compares with benchmarks/baseline.json
  python -m benchmarks.quick --store        # writes it

Everyone has one thread and takes turns, and processor time is compared, so that neither the
machine's speed nor what else it does moves much. It tells, and fails nothing.
"""

import json
import os
import pathlib
import subprocess
import sys

from absl import flags

from keras_bert_cls.cli.program import Program

program = Program("benchmarks.quick", __doc__)
_STORE = flags.DEFINE_bool("store", False, "Write the baseline.", flag_values=program.flags)
_OUTPUT = flags.DEFINE_string("output", "runs/bench", "Results, models.", flag_values=program.flags)

_BASELINE = pathlib.Path(__file__).parent / "baseline.json"
_MOVED = 0.10
_SAME = ["--threads=1", "--sets=en", "--rounds=3"]
_INFERENCE = "ours fp32,ours bf16,ONNX Runtime fp32,ONNX Runtime int8,PyTorch fp32"
_TRAINING = "ours fp32,ours bf16,PyTorch fp32,PyTorch bf16"
# Module -> its flags, and the column of the ratio.
_RUNS = {
    "single_latency": (["--texts=20", f"--contenders={_INFERENCE}"], "p50 / ours fp32"),
    "batch_inference": (
        ["--rows=32", "--max_rows=64", f"--contenders={_INFERENCE}"],
        "time / ours fp32",
    ),
    "training_step": (["--batches=1", f"--contenders={_TRAINING}"], "time / ours fp32"),
}


def _run(_: list[str]) -> None:
    found = {}
    for name, (arguments, column) in _RUNS.items():
        output = pathlib.Path(_OUTPUT.value) / "quick"
        output.mkdir(parents=True, exist_ok=True)
        models = pathlib.Path(_OUTPUT.value) / "models"
        models.mkdir(exist_ok=True)
        if not (output / "models").exists():
            (output / "models").symlink_to(os.path.relpath(models, output))
        command = [
            sys.executable,
            "-m",
            f"benchmarks.{name}",
            f"--output={output}",
            *_SAME,
            *arguments,
        ]
        subprocess.run(command, check=True)
        for row in json.loads((output / f"{name}.json").read_text(encoding="utf-8"))["rows"]:
            if row["contender"] != "ours fp32":
                found[f"{name}: {row['texts']}, {row['contender']}"] = row[column][1]
    if _STORE.value:
        _BASELINE.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n")
    else:
        print("\n".join(moved(found, json.loads(_BASELINE.read_text(encoding="utf-8")))))


def moved(found: dict[str, float], baseline: dict[str, float]) -> list[str]:
    """Returns a line for each ratio that moved by more than a tenth, or that only one side has."""
    lines = []
    for name in sorted(found.keys() | baseline.keys()):
        new, old = found.get(name), baseline.get(name)
        if new is None or old is None:
            lines.append(f"{name}: only in {'this run' if old is None else 'the baseline'}")
        elif abs(new / old - 1) > _MOVED:
            lines.append(f"{name}: {old:.2f} -> {new:.2f} times ours ({new / old - 1:+.0%})")
    return lines or ["no ratio moved by more than 10 %"]


def main(argv: list[str] | None = None) -> int:
    """Runs the program."""
    return program.run(_run, argv)


if __name__ == "__main__":
    raise SystemExit(main())

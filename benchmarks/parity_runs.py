"""The runs of benchmarks.finetune_parity: what both sides are told, and how each is started."""

import dataclasses
import hashlib
import importlib.util
import json
import os
import pathlib
import platform
import statistics
import subprocess
import tempfile
from collections.abc import Sequence

import numpy as np

from benchmarks.demo_runs import program as our_program
from keras_bert_cls.training.config import FinetuneConfig

_PEERS = pathlib.Path(__file__).parent / "peers"


@dataclasses.dataclass(frozen=True)
class Spec:
    """One fine-tuning; what both sides are told.

    Attributes:
      model: a Hugging Face folder; in the paired arm a classifier, head included.
      order_file: .npz with the rows of all batches and the sizes of the batches; "" where each
        side draws its own.
      dropout: whether there is any.
      bf16: whether both use mixed precision.
      device: of the peer, "cpu" or "cuda".
    """

    name: str
    model: str
    train_file: str
    test_file: str
    order_file: str
    dropout: bool
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
    bf16: bool
    device: str
    scratch: str


def make_spec(
    name: str,
    seed: int,
    arm: str,
    model: str,
    data: pathlib.Path,
    output: pathlib.Path,
    rows: int,
    bf16: bool = False,
) -> tuple[Spec, pathlib.Path]:
    """Returns what the config of a data set says, and the folder of the fine-tuning.

    Args:
      name: of the data set and its config.
      seed: of the run.
      arm: "usual" or "paired".
      model: the pretrained weights.
      data: the output of benchmarks.real_data.
      output: where the folder lies.
      rows: that many rows of train only, chosen by a hash; 0 for all.
      bf16: whether both use mixed precision.
    """
    config = load_config(name)
    header, *lines = (data / name / "train.tsv").read_text("utf-8").rstrip("\n").split("\n")
    if rows:  # files may be sorted by label
        lines = sorted(lines, key=lambda line: hashlib.sha256(line.encode()).digest())[:rows]
    steps = config.train.epochs * -(-len(lines) // config.train.batch_size)
    precision = "-bf16" if bf16 else ""
    folder = output / f"{name}-{len(lines)}-{steps}-{arm}-seed{seed}{precision}"
    folder.mkdir(parents=True, exist_ok=True)
    train_file = folder / "train.tsv"
    if not train_file.exists():
        train_file.write_text("\n".join([header, *lines]) + "\n", encoding="utf-8", newline="\n")
    paired = arm == "paired"
    spec = Spec(
        name=name,
        model=str(folder / "start") if paired else model,
        train_file=str(train_file),
        test_file=str(data / name / "test.tsv"),
        order_file=str(folder / "order.npz") if paired else "",
        dropout=not paired,
        train_rows=len(lines),
        steps=steps,
        warmup_steps=round(steps * config.optimizer.warmup_share),
        batch_size=config.train.batch_size,
        learning_rate=config.optimizer.learning_rate,
        weight_decay=config.optimizer.weight_decay,
        epsilon=config.optimizer.epsilon,
        clip_norm=config.optimizer.clip_norm,
        max_length=config.data.max_length,
        seed=seed,
        bf16=bf16,
        device="cpu",
        scratch=str(folder / "scratch"),
    )
    return spec, folder


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


NO_DROPOUT = {"encoder.dropout": 0.0, "encoder.attention_dropout": 0.0, "head.dropout": 0.0}


def make_order(spec: Spec, pretrained: str) -> None:
    """Writes the batches that a run of ours takes, unless that is done."""
    if pathlib.Path(spec.order_file).exists():
        return
    from keras_bert_cls.data.batch_plan import BatchPlan

    plan = BatchPlan(_lengths(spec, pretrained), spec.batch_size, 0, spec.seed)
    batches = [rows for rows, _ in zip(plan.batches(), range(spec.steps), strict=False)]
    np.savez_compressed(
        spec.order_file,
        rows=np.concatenate(batches).astype(np.int32),
        sizes=np.array([len(rows) for rows in batches], np.int32),
    )


def _lengths(spec: Spec, pretrained: str) -> np.ndarray:
    from keras_bert_cls.data.classification_rows import build_classification_store, read_labels
    from keras_bert_cls.training.starting_point import starting_point

    config = load_config(spec.name)
    data = dataclasses.replace(config.data, train_files=(spec.train_file,), dev_files=())
    data = dataclasses.replace(data, test_files=())
    tokenizer = starting_point(dataclasses.replace(config, init_from=pretrained)).tokenizer
    with tempfile.TemporaryDirectory() as folder:
        store = build_classification_store(
            pathlib.Path(folder) / "store", data.train_files, data, tokenizer, read_labels(data)
        )
        return np.array(store.lengths("token_ids"))


def make_start(spec: Spec, pretrained: str, python: pathlib.Path) -> None:
    """Has the peer save the classifier that both sides start from, unless that is done."""
    if (pathlib.Path(spec.model) / "tokenizer_config.json").exists():  # written last
        return
    lines = pathlib.Path(spec.train_file).read_text(encoding="utf-8").rstrip("\n").split("\n")
    labels = sorted({line.split("\t")[-1] for line in lines[1:]})
    content = {"model": pretrained, "labels": labels, "seed": spec.seed}
    with tempfile.TemporaryDirectory() as folder:
        file = pathlib.Path(folder) / "spec.json"
        file.write_text(json.dumps(content), encoding="utf-8")
        call([python, _PEERS / "transformers_steps.py", "start", file, spec.model])


def run_ours(spec: Spec, workdir: pathlib.Path) -> dict:
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
        "train.precision": "mixed_bfloat16" if spec.bf16 else "float32",
        **({} if spec.dropout else NO_DROPOUT),
    }
    call(finetune_command(spec.name, workdir, settings))
    scores = json.loads((workdir / "scores.json").read_text(encoding="utf-8"))["test"]["values"]
    # In the first ten steps TensorFlow still traces and compiles.
    log = (workdir / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
    lines = [line for line in map(json.loads, log) if "step_seconds" in line and line["step"] > 10]
    return {
        "accuracy": scores["accuracy"],
        "macro_f1": scores["macro_f1"],
        "seconds_per_step": statistics.fmean(line["step_seconds"] for line in lines),
        "device": _machine(),
    }


def run_theirs(spec: Spec, python: pathlib.Path) -> dict:
    """Fine-tunes with Hugging Face's Trainer."""
    with tempfile.TemporaryDirectory() as folder:
        files = [pathlib.Path(folder) / name for name in ("spec.json", "result.json")]
        files[0].write_text(json.dumps(dataclasses.asdict(spec)), encoding="utf-8")
        call([python, _PEERS / "transformers_finetune.py", *files])
        result = json.loads(files[1].read_text(encoding="utf-8"))
    return {**result, "device": _machine() if spec.device == "cpu" else result["device"]}


def _machine() -> str:
    """Returns what must be equal for times to be compared."""
    return f"{len(os.sched_getaffinity(0))} CPUs of {platform.node()}"


def call(command: Sequence[str | os.PathLike]) -> None:
    """Runs a command quietly; what it complained of is shown if it fails."""
    done = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    if done.returncode:
        complaint = done.stderr.decode(errors="replace")[-2000:]
        raise RuntimeError(f"{' '.join(map(str, command))} failed:\n{complaint}")

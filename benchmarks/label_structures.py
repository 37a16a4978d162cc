"""What heads that know the structure of labels give, beside a flat head on the same rows.

    bertcls-import --source MINILM_FOLDER --output runs/minilm
    python -m benchmarks.real_data --source ../shared/data --only trec_fine
    python -m benchmarks.label_structures --config configs/trec_fine_finetune.py --train_rows 1000

Runs the config once for each seed with its own head and once with kind "dense"; all else is the
same. --train_rows takes as many training rows, chosen by a hash of the text. Prints the mean of the
test scores over the seeds, their range, and how often the head that knows is ahead. What is
finished is not repeated when the command is started again.
"""

import dataclasses
import hashlib
import json
import pathlib
import statistics

from absl import flags

from keras_bert_cls.cli.config_flag import load_config
from keras_bert_cls.cli.program import Program
from keras_bert_cls.data.targets import read_labels
from keras_bert_cls.training.config import LOWER_IS_BETTER, FinetuneConfig

program = Program("benchmarks.label_structures", __doc__)
_CONFIG = flags.DEFINE_string("config", None, "A config.", required=True, flag_values=program.flags)
_OUTPUT = flags.DEFINE_string(
    "output", "runs/label_structures", "Runs and files.", flag_values=program.flags
)
_SEEDS = flags.DEFINE_list("seeds", ["0", "1", "2"], "Of the runs.", flag_values=program.flags)
_TRAIN_ROWS = flags.DEFINE_integer(
    "train_rows", 0, "Rows to train on; 0 for all.", flag_values=program.flags
)
_EPOCHS = flags.DEFINE_integer(
    "epochs", 0, "In place of the config's; 0 keeps them.", flag_values=program.flags
)

Values = dict[str, float]


def fewer_rows(path: str, count: int, folder: pathlib.Path) -> str:
    """Writes a file of `count` of the rows of another; returns its path."""
    header, *rows = pathlib.Path(path).read_text(encoding="utf-8").rstrip("\n").split("\n")
    chosen = sorted(rows, key=lambda row: hashlib.sha256(row.encode()).digest())[:count]
    smaller = folder / f"train_{count}.tsv"
    smaller.write_text("".join(f"{row}\n" for row in [header, *chosen]), encoding="utf-8")
    return str(smaller)


def all_labels(config: FinetuneConfig, folder: pathlib.Path) -> str:
    """Writes the labels of all training rows, which fewer rows may lack; returns the path."""
    labels = read_labels(config.data)
    assert labels is not None
    labels.save(folder / "labels.txt")
    return str(folder / "labels.txt")


def test_values(config: FinetuneConfig, kind: str, seed: int, workdir: pathlib.Path) -> Values:
    """Trains with a kind of head, or finds the run; returns its test scores."""
    from keras_bert_cls.training.finetune import finetune

    head = dataclasses.replace(config.head, kind=kind)
    result = finetune(dataclasses.replace(config, head=head, seed=seed), workdir, print)
    assert result is not None
    return result.scores["test"].values


def table(found: dict[str, list[Values]]) -> str:
    """Returns means and ranges as Markdown; of two heads, the flat one first."""
    flat, knowing = found
    lines = [f"| test score | {flat} | {knowing} | {knowing} is ahead |", "|---|---|---|---|"]
    for name in found[flat][0]:
        columns = {head: [values[name] for values in runs] for head, runs in found.items()}
        sign = -1 if name in LOWER_IS_BETTER else 1
        wins = sum(sign * (b - a) > 0 for a, b in zip(*columns.values(), strict=True))
        cells = [
            f"{statistics.fmean(values):.4f} ({min(values):.4f} – {max(values):.4f})"
            for values in columns.values()
        ]
        lines.append(f"| {name} | {' | '.join(cells)} | {wins} of {len(columns[flat])} |")
    return "\n".join(lines)


def _run(_: list[str]) -> None:
    config = load_config(_CONFIG.value, FinetuneConfig)
    rows = _TRAIN_ROWS.value
    output = pathlib.Path(_OUTPUT.value) / f"{pathlib.Path(_CONFIG.value).stem}_{rows or 'all'}"
    output.mkdir(parents=True, exist_ok=True)
    if rows:
        (train,) = config.data.train_files
        data = dataclasses.replace(
            config.data,
            train_files=(fewer_rows(train, rows, output),),
            labels_file=config.data.labels_file or all_labels(config, output),
        )
        config = dataclasses.replace(config, data=data)
    if _EPOCHS.value:
        train_config = dataclasses.replace(config.train, epochs=_EPOCHS.value)
        config = dataclasses.replace(config, train=train_config)
    found: dict[str, list[Values]] = {}
    for kind in ("dense", config.head.kind):
        for seed in map(int, _SEEDS.value):
            values = test_values(config, kind, seed, output / f"{kind}_{seed}")
            found.setdefault(kind, []).append(values)
    print(table(found))
    print(json.dumps(found))


def main(argv: list[str] | None = None) -> int:
    """Runs the program."""
    return program.run(_run, argv)


if __name__ == "__main__":
    raise SystemExit(main())

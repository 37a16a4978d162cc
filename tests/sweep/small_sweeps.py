"""Sweeps of the stand-in trainer, in this process or in one of their own.

python small_sweeps.py FOLDER TRIALS
"""

import csv
import pathlib
import sys
import time

from keras_bert_cls.cli.config_flag import load_config
from keras_bert_cls.sweep.options import SweepOptions
from keras_bert_cls.sweep.space import Uniform
from keras_bert_cls.sweep.sweep import Sweep
from keras_bert_cls.training.config import FinetuneConfig

TRAINER = (sys.executable, "-S", str(pathlib.Path(__file__).with_name("stand_in_finetune.py")))
SPACE = {"head.dropout": Uniform(0.0, 0.4)}
SECONDS = 60


def make_sweep(folder, trials, space=None, said=None, **options):
    """Returns a sweep in FOLDER/sweep of the config FOLDER/config.py."""
    config_file = f"{folder}/config.py"
    config = load_config(config_file, FinetuneConfig)
    return Sweep(
        config_file,
        config,
        config,
        space or SPACE,
        pathlib.Path(folder) / "sweep",
        SweepOptions(**{"trials": trials, "pruner": "none", **options}),
        (said if said is not None else []).append,
        ["bertcls-sweep", "--config", config_file],
        TRAINER,
    )


def read_table(folder):
    """Returns the rows of trials.tsv."""
    text = (pathlib.Path(folder) / "sweep/trials.tsv").read_text(encoding="utf-8")
    return list(csv.DictReader(text.splitlines(), delimiter="\t"))


def await_that(condition):
    """Waits until a condition holds; returns its value."""
    end = time.monotonic() + SECONDS
    while not (value := condition()):
        assert time.monotonic() < end, "it never came"
        time.sleep(0.005)
    return value


def starts_of(folder, trial):
    """Returns the evaluations that the starts of a trial's trainer went on from."""
    path = pathlib.Path(folder) / f"sweep/trials/{trial:04}/starts.txt"
    return [int(line) for line in path.read_text().split()] if path.exists() else []


if __name__ == "__main__":
    raise SystemExit(make_sweep(sys.argv[1], int(sys.argv[2]), grace_seconds=20).run())

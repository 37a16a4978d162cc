"""Searches the best values of a config's fields: many fine-tuning runs, the best by its dev score.

  bertcls-sweep --config C --space space.toml --sweepdir runs/sweep --trials 20
  bertcls-sweep --config C --space space.py --sweepdir runs/sweep --trials 40 --workers 2

The space names fields and what they may be; in TOML:

  [optimizer]
  learning_rate = {loguniform = [1e-5, 1e-3]}
  [train]
  batch_size = {choices = [16, 32]}
  epochs = {integers = [2, 5]}
  [head]
  dropout = {uniform = [0.0, 0.3]}

In Python get_space() returns {"optimizer.learning_rate": LogUniform(1e-5, 1e-3), ...}, of
keras_bert_cls.sweep.space. --config.FIELD=VALUE sets fields of all trials.

The same command again goes on: finished trials stay, interrupted ones continue from their
checkpoints; more --trials add to them. Writes trials.tsv and best_config.py into --sweepdir; the
weights of losing trials are removed unless --keep_checkpoints is given. Needs the extra [sweep].

Exit codes: 0 done, 1 wrong input or no trial came to its end, 2 the command line is wrong, 42
stopped (SIGTERM, Ctrl-C) before the end: the same command goes on.
"""

import pathlib
import sys
from collections.abc import Sequence

from absl import flags

from keras_bert_cls.cli.config_flag import load_config
from keras_bert_cls.cli.program import Program
from keras_bert_cls.sweep.options import PRUNERS, SweepOptions
from keras_bert_cls.training.config import FinetuneConfig

program = Program("bertcls-sweep", __doc__, config=FinetuneConfig)
_DEFAULTS = SweepOptions()

_SPACE = flags.DEFINE_string(
    "space",
    None,
    "The search space: Python with get_space(), or TOML.",
    required=True,
    flag_values=program.flags,
)
_SWEEPDIR = flags.DEFINE_string(
    "sweepdir",
    None,
    "Folder of the sweep: its trials, their logs and the results.",
    required=True,
    flag_values=program.flags,
)
_TRIALS = flags.DEFINE_integer(
    "trials",
    _DEFAULTS.trials,
    "Trials of the whole sweep, those of earlier calls included.",
    1,
    flag_values=program.flags,
)
_WORKERS = flags.DEFINE_integer(
    "workers",
    _DEFAULTS.workers,
    "Trials that run at once; they share the CPUs, and have a GPU each where there are any.",
    1,
    flag_values=program.flags,
)
_PRUNER = flags.DEFINE_enum(
    "pruner",
    _DEFAULTS.pruner,
    PRUNERS,
    "What stops trials that look bad: median, hyperband or none.",
    flag_values=program.flags,
)
_SEED = flags.DEFINE_integer("seed", _DEFAULTS.seed, "Of the search.", 0, flag_values=program.flags)
_SEEDS = flags.DEFINE_integer(
    "seeds",
    _DEFAULTS.seeds,
    "Runs of each trial, with training seeds from --config.seed on; their mean counts.",
    1,
    flag_values=program.flags,
)
_KEEP_CHECKPOINTS = flags.DEFINE_bool(
    "keep_checkpoints",
    _DEFAULTS.keep_checkpoints,
    "Keep the weights of all trials, not only those of the best.",
    flag_values=program.flags,
)
_MAX_RESTARTS = flags.DEFINE_integer(
    "max_restarts",
    _DEFAULTS.max_restarts,
    "How often a run that was killed goes on from its checkpoint.",
    0,
    flag_values=program.flags,
)
_GRACE_SECONDS = flags.DEFINE_float(
    "grace_seconds",
    _DEFAULTS.grace_seconds,
    "How long a run has to save when it is to stop.",
    0.0,
    flag_values=program.flags,
)


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the program; returns its exit code."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    return program.run(lambda _: _run(arguments), arguments)


def _run(arguments: list[str]) -> int:
    from keras_bert_cls.sweep.space import load_space
    from keras_bert_cls.sweep.sweep import Sweep

    config_file = str(program.flags["config"].value)
    options = SweepOptions(
        trials=_TRIALS.value,
        workers=_WORKERS.value,
        pruner=_PRUNER.value,
        seed=_SEED.value,
        seeds=_SEEDS.value,
        keep_checkpoints=_KEEP_CHECKPOINTS.value,
        max_restarts=_MAX_RESTARTS.value,
        grace_seconds=_GRACE_SECONDS.value,
    )
    sweep = Sweep(
        config_file,
        load_config(config_file, FinetuneConfig),
        program.config,
        load_space(_SPACE.value),
        pathlib.Path(_SWEEPDIR.value),
        options,
        lambda text: print(text, flush=True),
        ["bertcls-sweep", *arguments],
    )
    return sweep.run()


if __name__ == "__main__":
    raise SystemExit(main())

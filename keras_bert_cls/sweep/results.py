"""What a sweep leaves behind: trials.tsv, best_config.py, the weights of the best trial."""

import os
import pathlib
import shlex
import shutil
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from keras_bert_cls.atomic_file import write_text_whole
from keras_bert_cls.data_check.text_table import text_table

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial

BEST_CONFIG = "best_config.py"
TABLE = "trials.tsv"

_STATES = {"COMPLETE": "complete", "PRUNED": "pruned", "FAIL": "failed", "RUNNING": "running"}
_WEIGHTS = ("checkpoints", "data", "model.keras")

_CONFIG_FILE = '''\
"""Best of {trials} trials of a sweep: {metric} {score:.4f} on dev (trial {number}).

bertcls-finetune --config {path} --workdir runs/best

Made by:
{command}
"""

import pathlib
import runpy

_BASE = pathlib.Path(__file__).parent / {base!r}


def get_config():
    config = runpy.run_path(str(_BASE))["get_config"]()
{assignments}    return config
'''


def final_score(trial: "FrozenTrial") -> float | None:
    """Returns the score of a trial that came to its end; Optuna has one of pruned trials, too."""
    return trial.value if trial.state.name == "COMPLETE" else None


def write_best_config(
    path: pathlib.Path,
    *,
    base: str,
    overrides: Mapping[str, Any],
    best: "FrozenTrial",
    trials: int,
    metric: str,
    command: Sequence[str],
) -> None:
    """Writes a config file that gives the config of the best trial.

    Args:
      path: of the file.
      base: the config file of the sweep, which the new one reads.
      overrides: the fields in which the best trial's config differs from that.
      best: the trial.
      trials: how many were begun.
      metric: what the score is.
      command: the sweep's.
    """
    text = _CONFIG_FILE.format(
        trials=trials,
        metric=metric,
        score=best.value,
        number=best.number,
        path=_in_docstring(str(path)),
        command=_in_docstring(shlex.join(command)),
        base=os.path.relpath(base, path.parent),
        assignments="".join(f"    config.{k} = {v!r}\n" for k, v in overrides.items()),
    )
    write_text_whole(path, text)


def write_table(
    path: pathlib.Path,
    trials: "Sequence[FrozenTrial]",
    fields: Sequence[str],
    workdir: Callable[[int], pathlib.Path],
) -> None:
    """Writes a tsv file of all trials.

    Args:
      path: of the file.
      trials: by number.
      fields: that the trials change.
      workdir: returns a trial's folder.
    """
    header = ["number", "state", "score", *fields, "seconds", "workdir", "message"]
    rows = [
        [
            str(trial.number),
            _STATES[trial.state.name],
            "" if (score := final_score(trial)) is None else repr(score),
            *(str(trial.params.get(field, "")) for field in fields),
            str(trial.user_attrs.get("seconds", "")),
            str(workdir(trial.number)),
            trial.user_attrs.get("message", ""),
        ]
        for trial in trials
    ]
    lines = ["\t".join(" ".join(cell.split()) for cell in row) for row in [header, *rows]]
    write_text_whole(path, "".join(f"{line}\n" for line in lines))


def told_table(
    trials: "Sequence[FrozenTrial]", fields: Sequence[str], metric: str, *, minimize: bool
) -> str:
    """Returns the trials as people read them, the best first."""
    sign = 1 if minimize else -1

    def order(trial: "FrozenTrial") -> tuple[bool, float]:
        score = final_score(trial)
        return score is None, sign * (score or 0.0)

    rows = [
        [
            str(trial.number),
            _STATES[trial.state.name],
            "" if (score := final_score(trial)) is None else f"{score:.4f}",
            *(_short(trial.params.get(field, "")) for field in fields),
            f"{trial.user_attrs.get('seconds', 0):,.0f}",
        ]
        for trial in sorted(trials, key=order)
    ]
    return text_table(["trial", "state", metric, *fields, "seconds"], rows)


def remove_weights(workdir: pathlib.Path) -> bool:
    """Removes weights and token stores from a trial's runs; returns whether there were any.

    What was measured, the config and the labels stay.
    """
    found = False
    for folder in (workdir, *workdir.glob("seed-*")):
        for name in _WEIGHTS:
            path = folder / name
            found |= path.exists()
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)
    return found


def _short(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _in_docstring(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"""', '\\"\\"\\"')

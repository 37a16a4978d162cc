"""Calibration and rejection on CLINC150: fitted on dev, judged on test.

    python -m benchmarks.real_data --source ../shared/data --only clinc150
    bertcls-finetune --config configs/clinc150_finetune.py --workdir runs/clinc150
    python -m benchmarks.out_of_scope --workdir runs/clinc150 --data runs/data/clinc150

Fits a temperature on dev.tsv, and thresholds on dev.tsv and oos_dev.tsv for several goals; prints
the calibration before and after on test.tsv, AUROC and FPR95 of the best label's probability on
test.tsv and oos_test.tsv, and for each goal what is answered there. The run is left as it is. The
last line is JSON.
"""

import json
import pathlib
from collections.abc import Sequence
from typing import Any

from absl import flags

from keras_bert_cls.calibration.calibrate_run import load_classifier
from keras_bert_cls.calibration.fit import (
    DecisionOptions,
    answered_rows,
    calibration_scores,
    fit_decision,
    guesses_of,
)
from keras_bert_cls.calibration.held_out import HeldOut, read_held_out
from keras_bert_cls.calibration.out_of_scope import auroc, fpr95
from keras_bert_cls.calibration.rejection import Goal, rejection_scores
from keras_bert_cls.cli.program import Program
from keras_bert_cls.errors import UserError
from keras_bert_cls.modeling.decision import Decision
from keras_bert_cls.modeling.trained_model import ModelSettings
from keras_bert_cls.training.evaluate_run import ScoredFiles

program = Program("benchmarks.out_of_scope", __doc__)
_WORKDIR = flags.DEFINE_string(
    "workdir", None, "The --workdir of a finished run.", required=True, flag_values=program.flags
)
_DATA = flags.DEFINE_string(
    "data", "runs/data/clinc150", "The folder of the files.", flag_values=program.flags
)
_LABEL = flags.DEFINE_string(
    "out_of_scope_label", "oos", "Their label of rows out of scope.", flag_values=program.flags
)

# Goal, its value, whether each class has a threshold of its own.
_GOALS = (
    ("balanced", 0.0, False),
    ("target_coverage", 0.95, False),
    ("target_accuracy", 0.95, False),
    ("target_accuracy", 0.98, False),
    ("target_accuracy", 0.95, True),
    ("target_fpr", 0.1, False),
)
_COLUMNS = ("threshold", "coverage", "answered_accuracy", "accuracy", "out_of_scope_recall")


def measure(workdir: str, data: pathlib.Path, label: str) -> dict[str, Any]:
    """Fits on dev and returns what that gives on test."""
    trained = load_classifier(workdir)
    dev, test = (
        read_held_out(
            workdir,
            trained,
            ScoredFiles((str(data / f"{split}.tsv"), str(data / f"oos_{split}.tsv"))),
            label,
        )
        for split in ("dev", "test")
    )
    plain = fit_decision(trained.settings, dev, DecisionOptions())
    guesses = guesses_of(plain, test)
    return {
        "rows": {
            split: [len(rows.logits), len(rows.out_of_scope)]
            for split, rows in (("dev", dev), ("test", test))
        },
        "temperature": plain.temperature,
        "accuracy": float(guesses.right[guesses.in_scope].mean()),
        "before": _scores(Decision(), trained.settings, test),
        "after": _scores(plain, trained.settings, test),
        "goals": [
            _reached(Goal(name, value), per_class, trained.settings, dev, test)
            for name, value, per_class in _GOALS
        ],
    }


def _scores(decision: Decision, settings: ModelSettings, test: HeldOut) -> dict[str, float]:
    guesses = guesses_of(decision, test)
    inside = guesses.confidences[guesses.in_scope]
    outside = guesses.confidences[~guesses.in_scope]
    return {
        **calibration_scores(decision, settings, test),
        "auroc": auroc(inside, outside),
        "fpr95": fpr95(inside, outside),
    }


def _reached(
    goal: Goal, per_class: bool, settings: ModelSettings, dev: HeldOut, test: HeldOut
) -> dict[str, Any]:
    """Returns what a goal on dev gives on test."""
    row: dict[str, Any] = {"goal": f"{goal}{', per class' if per_class else ''}"}
    try:
        decision = fit_decision(settings, dev, DecisionOptions("unknown", goal, per_class))
    except UserError as error:
        return {**row, "not_reached": str(error)}
    guesses = guesses_of(decision, test)
    answered = answered_rows(decision, settings.labels, guesses)
    row["threshold"] = decision.fitted["rejection"]["threshold"]
    return {**row, **rejection_scores(guesses, answered)}


def _table(result: dict[str, Any]) -> str:
    rows = result["rows"]
    lines = [
        f"dev {rows['dev'][0]:,} rows and {rows['dev'][1]:,} out of scope, "
        f"test {rows['test'][0]:,} and {rows['test'][1]:,}; temperature "
        f"{result['temperature']:.3f}, accuracy in scope on test {result['accuracy']:.4f}",
        "",
        "| on test | before | after |",
        "|---|---|---|",
    ]
    for name in result["before"]:
        lines.append(f"| {name} | {result['before'][name]:.4f} | {result['after'][name]:.4f} |")
    lines += ["", f"| goal on dev | {' | '.join(_COLUMNS)} |", f"|---|{'---|' * len(_COLUMNS)}"]
    for row in result["goals"]:
        cells = [f"{row[column]:.4f}" if column in row else "–" for column in _COLUMNS]
        lines.append(f"| {row['goal']} | {' | '.join(cells)} |")
    return "\n".join(lines)


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the program; returns its exit code."""
    return program.run(_run, argv)


def _run(_: list[str]) -> None:
    result = measure(_WORKDIR.value, pathlib.Path(_DATA.value), _LABEL.value)
    print(_table(result))
    print(json.dumps(result))


if __name__ == "__main__":
    raise SystemExit(main())

"""Gives a finished run a decision, or takes it away."""

import os
import pathlib
from collections.abc import Callable

from keras_bert_cls.calibration.fit import DecisionOptions, fit_decision
from keras_bert_cls.calibration.held_out import read_held_out
from keras_bert_cls.errors import UserError
from keras_bert_cls.modeling.decision import DECISION_FILE, Decision, write_decision
from keras_bert_cls.modeling.trained_model import MODEL_FILE, TrainedModel
from keras_bert_cls.training.evaluate_run import ScoredFiles

_NO_OPTIONS = DecisionOptions()
_CALIBRATED = ("single_label", "multi_label")


def calibrate_run(
    workdir: str | os.PathLike,
    data: ScoredFiles,
    options: DecisionOptions = _NO_OPTIONS,
    out_of_scope_label: str | None = None,
    report: Callable[[str], None] = lambda text: None,
) -> Decision:
    """Fits a decision on labelled rows and writes it into the run's folder, in place of an old one.

    Everything that answers for the run uses it from then on: Classifier, bertcls-predict and new
    exports.

    Args:
      workdir: the run's folder.
      data: which files, and how to read them; without files the run's dev files.
      options: what the decision is to do.
      out_of_scope_label: the label of rows that have none of the model's; None for no such rows.
      report: is told what was read.

    Raises:
      UserError: the run is not finished or no classifier, or the data or the options do not suit
        it.
    """
    trained = load_classifier(workdir)
    held_out = read_held_out(workdir, trained, data, out_of_scope_label, report)
    decision = fit_decision(trained.settings, held_out, options)
    write_decision(workdir, decision)
    return decision


def load_classifier(workdir: str | os.PathLike) -> TrainedModel:
    """Loads a finished run's model; raises UserError if it has no probabilities to calibrate."""
    trained = TrainedModel.load(workdir)
    trained.require_head()
    if trained.settings.task not in _CALIBRATED:
        raise UserError(
            f"{workdir} holds a {trained.settings.task} model: only classifiers are calibrated"
        )
    if trained.settings.head == "adaptive":
        raise UserError(
            f"{workdir} holds a model with an adaptive head: a temperature would need the scores "
            "of all labels, and it computes those of the best ones only"
        )
    return trained


def remove_decision(workdir: str | os.PathLike) -> bool:
    """Takes a run's decision away; says whether it had one.

    Raises:
      UserError: there is no finished run.
    """
    folder = pathlib.Path(workdir)
    if not (folder / MODEL_FILE).is_file():
        raise UserError(f"{folder} holds no finished run: {MODEL_FILE} is missing")
    had_one = (folder / DECISION_FILE).exists()
    write_decision(folder, None)
    return had_one

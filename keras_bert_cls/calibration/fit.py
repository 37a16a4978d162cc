"""Held-out logits -> the Decision that suits them, and what it changes."""

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np

from keras_bert_cls.calibration.calibration_error import expected_calibration_error
from keras_bert_cls.calibration.f1_thresholds import DEFAULT_THRESHOLD, f1_thresholds
from keras_bert_cls.calibration.held_out import HeldOut
from keras_bert_cls.calibration.out_of_scope import auroc, fpr95
from keras_bert_cls.calibration.rejection import (
    NEEDS_OUT_OF_SCOPE,
    Goal,
    Guesses,
    label_thresholds,
    rejection_scores,
    rejection_threshold,
)
from keras_bert_cls.calibration.temperature import fit_temperature, negative_log_likelihood
from keras_bert_cls.errors import UserError
from keras_bert_cls.modeling.decision import Decision
from keras_bert_cls.modeling.trained_model import ModelSettings
from keras_bert_cls.training.metrics import multi_label_scores


@dataclasses.dataclass(frozen=True)
class DecisionOptions:
    """What a decision is to do beside calibrating.

    Attributes:
      unknown_label: the answer of a single-label model that is not sure enough; None always answers
        with a label.
      goal: where to stop answering; given with `unknown_label`, and only then.
      per_class: a threshold for each predicted label instead of one for all.
      min_rows: rows that a label needs for a threshold of its own: rows predicted as it for
        `per_class`, rows that have it for a multi-label model.
    """

    unknown_label: str | None = None
    goal: Goal | None = None
    per_class: bool = False
    min_rows: int = 20


def fit_decision(settings: ModelSettings, held_out: HeldOut, options: DecisionOptions) -> Decision:
    """Fits a temperature, and thresholds: those of a multi-label model for F1, else for a goal.

    Raises:
      UserError: the options do not suit the model or the rows, or the goal cannot be reached.
    """
    if (options.unknown_label is None) != (options.goal is None):
        raise ValueError("unknown_label and goal go together")
    temperature = fit_temperature(settings.task, held_out.logits, held_out.targets)
    plain, scaled = Decision(), Decision(temperature or 1.0)
    fitted: dict[str, Any] = {
        "files": list(held_out.files),
        "rows": len(held_out.logits),
        "out_of_scope_rows": len(held_out.out_of_scope),
        "temperature_found": temperature is not None,
        "before": calibration_scores(plain, settings, held_out),
        "after": calibration_scores(scaled, settings, held_out),
    }
    if settings.task == "multi_label":
        decision = _with_f1_thresholds(scaled, settings, held_out, options, fitted)
    else:
        decision = _with_rejection(scaled, settings, held_out, options, fitted)
    decision = dataclasses.replace(decision, fitted=fitted)
    decision.check(settings.task, settings.labels)
    return decision


def guesses_of(decision: Decision, held_out: HeldOut) -> Guesses:
    """Returns the best labels of a single-label model's rows in scope, then of those out of it."""
    logits = np.concatenate([held_out.logits, held_out.out_of_scope])
    probabilities = decision.probabilities("single_label", logits).astype(np.float32)
    labels = probabilities.argmax(-1)
    inside = np.arange(len(logits)) < len(held_out.logits)
    right = np.zeros(len(logits), bool)
    right[inside] = labels[inside] == held_out.targets
    return Guesses(probabilities.max(-1), labels, right, inside)


def answered_rows(decision: Decision, labels: Sequence[str], guesses: Guesses) -> np.ndarray:
    """Says which rows a decision with an unknown label answers with a label, bool [n]."""
    thresholds = np.array([decision.thresholds[label] for label in labels], np.float32)
    return guesses.confidences >= thresholds[guesses.labels]


def calibration_scores(
    decision: Decision, settings: ModelSettings, held_out: HeldOut
) -> dict[str, float]:
    """Returns `nll` and `ece` of a decision's probabilities on the rows in scope.

    The negative log-likelihood is a mean over rows, the calibration error that of the best labels;
    of a multi-label model both are means over rows and labels.
    """
    probabilities = decision.probabilities(settings.task, held_out.logits)
    targets = held_out.targets
    if settings.task == "multi_label":
        confidences, hits = probabilities.ravel(), targets.ravel()
    else:
        confidences, hits = probabilities.max(-1), probabilities.argmax(-1) == targets
    return {
        "nll": negative_log_likelihood(
            settings.task, held_out.logits, targets, decision.temperature
        ),
        "ece": expected_calibration_error(confidences, hits),
    }


def _with_f1_thresholds(
    decision: Decision,
    settings: ModelSettings,
    held_out: HeldOut,
    options: DecisionOptions,
    fitted: dict[str, Any],
) -> Decision:
    if options.unknown_label is not None:
        raise UserError(
            "unknown_label is for single-label models; a multi-label one answers with no label "
            "where none reaches its threshold"
        )
    labels, targets = settings.labels, held_out.targets
    probabilities = decision.probabilities("multi_label", held_out.logits).astype(np.float32)
    thresholds = f1_thresholds(probabilities, targets, options.min_rows)
    fitted["labels_with_own_threshold"] = sum(t != DEFAULT_THRESHOLD for t in thresholds)
    cuts = {
        "before": np.full(len(labels), DEFAULT_THRESHOLD, np.float32),
        "after": np.array(thresholds, np.float32),
    }
    for moment, cut in cuts.items():
        scores = multi_label_scores(targets, probabilities >= cut, labels).values
        fitted[moment] |= {name: scores[name] for name in ("micro_f1", "macro_f1")}
    return dataclasses.replace(decision, thresholds=dict(zip(labels, thresholds, strict=True)))


def _with_rejection(
    decision: Decision,
    settings: ModelSettings,
    held_out: HeldOut,
    options: DecisionOptions,
    fitted: dict[str, Any],
) -> Decision:
    guesses, labels, goal = guesses_of(decision, held_out), settings.labels, options.goal
    outside = ~guesses.in_scope
    if outside.any():
        confidences = guesses.confidences[~outside], guesses.confidences[outside]
        fitted["out_of_scope"] = {"auroc": auroc(*confidences), "fpr95": fpr95(*confidences)}
    if goal is None:
        return decision
    if goal.name in NEEDS_OUT_OF_SCOPE and not outside.any():
        raise UserError(
            f"{goal.name} needs rows out of scope: name their label with --out_of_scope_label"
        )
    overall = rejection_threshold(goal, guesses)
    thresholds, own = [overall] * len(labels), 0
    if options.per_class:
        thresholds, own = label_thresholds(goal, guesses, len(labels), overall, options.min_rows)
    decision = dataclasses.replace(
        decision,
        thresholds=dict(zip(labels, thresholds, strict=True)),
        unknown_label=options.unknown_label,
    )
    fitted["rejection"] = {
        "goal": str(goal),
        "threshold": overall,
        "labels_with_own_threshold": own,
        **rejection_scores(guesses, answered_rows(decision, labels, guesses)),
    }
    return decision

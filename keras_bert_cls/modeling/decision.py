"""Decision: what a classifier makes of its logits. Imports no TensorFlow."""

import dataclasses
import json
import math
import os
import pathlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from keras_bert_cls.atomic_file import write_text_whole
from keras_bert_cls.errors import UserError

DECISION_FILE = "decision.json"

# Within these float32 holds the logits before and after the division.
_TEMPERATURES = (1e-3, 1e3)


@dataclasses.dataclass(frozen=True)
class Decision:
    """How logits become an answer, fitted on held-out rows by bertcls-calibrate.

    Attributes:
      temperature: what the logits are divided by before the softmax or the sigmoids (Guo et al.
        2017, https://arxiv.org/abs/1706.04599). It never changes which label is the best.
      thresholds: label -> probability from which on the label is an answer, in [0, 1]. A
        multi-label model answers with all labels that reach theirs, one of a single label with its
        best label, or with `unknown_label` if that does not reach its own. Empty for single-label
        models that always answer.
      unknown_label: what a single-label model answers instead of a label that is not sure enough;
        None if it never does.
      fitted: on what it was fitted and what that changed; goes into the model card as it is.
    """

    temperature: float = 1.0
    thresholds: Mapping[str, float] = dataclasses.field(default_factory=dict)
    unknown_label: str | None = None
    fitted: Mapping[str, Any] = dataclasses.field(default_factory=dict)

    def __post_init__(self) -> None:
        """Raises UserError that lists every value which is wrong in itself."""
        _refuse(self._problems())

    def check(self, task: str, labels: Sequence[str]) -> None:
        """Raises UserError if it is not the decision of a model with this task and these labels."""
        found = []
        if task not in ("single_label", "multi_label"):
            found.append(f"a {task} model has no probabilities to decide on")
        needs_thresholds = task == "multi_label" or self.unknown_label is not None
        if needs_thresholds and set(self.thresholds) != set(labels):
            found.append(
                f"thresholds must name the {len(labels)} labels of the model, got "
                f"{_difference(self.thresholds, labels)}"
            )
        if task == "single_label" and self.thresholds and self.unknown_label is None:
            found.append("thresholds need unknown_label: what to answer below them")
        if task == "multi_label" and self.unknown_label is not None:
            found.append("unknown_label must be null: a multi-label model answers with no label")
        if self.unknown_label in labels:
            found.append(f"unknown_label must not be one of the labels, got {self.unknown_label!r}")
        _refuse(found)

    def probabilities(self, task: str, logits: np.ndarray) -> np.ndarray:
        """Returns calibrated probabilities, float64 [n, labels], of logits [n, labels]."""
        scaled = np.asarray(logits, np.float64) / self.temperature
        if task == "multi_label":
            return np.exp(-np.logaddexp(0, -scaled))
        exponentials = np.exp(scaled - scaled.max(-1, keepdims=True))
        return exponentials / exponentials.sum(-1, keepdims=True)

    def reached(self, probabilities: np.ndarray, labels: Sequence[str]) -> np.ndarray:
        """Says which labels reach their thresholds, bool [n, labels].

        The comparison is made in the precision of the probabilities, [n, labels]; a probability
        that equals its threshold reaches it.
        """
        thresholds = [self.thresholds[label] for label in labels]
        return probabilities >= np.asarray(thresholds, probabilities.dtype)

    def answers(self, probabilities: np.ndarray, labels: Sequence[str]) -> list[str]:
        """Returns the best label of each row of [n, labels], or the unknown label."""
        best = probabilities.argmax(-1)
        if self.unknown_label is None:
            return [labels[index] for index in best]
        reached = self.reached(probabilities, labels)
        return [
            labels[index] if row[index] else self.unknown_label
            for index, row in zip(best, reached, strict=True)
        ]

    def to_json(self) -> dict[str, Any]:
        """Returns what `from_json` reads."""
        return {
            "temperature": self.temperature,
            "unknown_label": self.unknown_label,
            "thresholds": dict(self.thresholds),
            "fitted": dict(self.fitted),
        }

    @classmethod
    def from_json(cls, content: Any) -> "Decision":
        """Makes a decision from parsed JSON; raises UserError if it is none."""
        fields = [field.name for field in dataclasses.fields(cls)]
        if not isinstance(content, dict) or not content.keys() <= set(fields):
            raise UserError(
                f"expected a JSON object with {', '.join(fields)}, got {content!r:.200}"
            )
        return cls(**content)

    def _problems(self) -> list[str]:
        found = []
        least, most = _TEMPERATURES
        if not _is_number(self.temperature) or not least <= self.temperature <= most:
            found.append(f"temperature must be in [{least:g}, {most:g}], got {self.temperature!r}")
        if not isinstance(self.thresholds, Mapping):
            found.append(f"thresholds must be an object of numbers, got {self.thresholds!r:.80}")
        else:
            found += [
                f"threshold of {label!r} must be in [0, 1], got {value!r}"
                for label, value in self.thresholds.items()
                if not _is_number(value) or not 0 <= value <= 1
            ]
        if self.unknown_label is not None and not _is_label(self.unknown_label):
            found.append(
                "unknown_label must be one line without white space around it, got "
                f"{self.unknown_label!r}"
            )
        if not isinstance(self.fitted, Mapping):
            found.append(f"fitted must be an object, got {self.fitted!r:.80}")
        return found


def write_decision(folder: str | os.PathLike, decision: Decision | None) -> None:
    """Writes a decision into a model's folder, at once or not at all; None takes it away."""
    path = pathlib.Path(folder) / DECISION_FILE
    if decision is None:
        path.unlink(missing_ok=True)
        return
    text = json.dumps(decision.to_json(), ensure_ascii=False, indent=2, allow_nan=False)
    write_text_whole(path, text + "\n")


def read_decision(folder: str | os.PathLike, task: str, labels: Sequence[str]) -> Decision | None:
    """Reads the decision of a model with this task and these labels; None if it has none.

    Raises:
      UserError: the file is broken, or belongs to another model.
    """
    path = pathlib.Path(folder) / DECISION_FILE
    try:
        decision = Decision.from_json(json.loads(path.read_text(encoding="utf-8")))
        decision.check(task, labels)
    except FileNotFoundError:
        return None
    except ValueError as error:  # UserError, and what is no JSON or no UTF-8
        raise UserError(
            f"{path}: {error}. Take it away with bertcls-calibrate --remove, and fit it again."
        ) from error
    return decision


def _refuse(problems: list[str]) -> None:
    if problems:
        raise UserError(f"the decision is wrong: {'; '.join(problems)}")


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _is_label(value: object) -> bool:
    return isinstance(value, str) and value == value.strip() != "" and "\n" not in value


def _difference(thresholds: Mapping[str, float], labels: Sequence[str]) -> str:
    missing = [label for label in labels if label not in thresholds]
    foreign = sorted(thresholds.keys() - set(labels))
    parts = [f"none for {missing[0]!r}"] if missing else []
    parts += [f"one for {foreign[0]!r}"] if foreign else []
    return " and ".join(parts)

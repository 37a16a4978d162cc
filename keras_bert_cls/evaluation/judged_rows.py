"""Rows beside the answers for them."""

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np

from keras_bert_cls.data.label_structure import NO_STRUCTURE, LabelStructure
from keras_bert_cls.evaluation.bootstrap import Bootstrap, Estimate
from keras_bert_cls.evaluation.classification_scores import score_labels
from keras_bert_cls.evaluation.evaluated_rows import EvaluatedRows
from keras_bert_cls.evaluation.model_answers import ModelAnswers
from keras_bert_cls.evaluation.regression_scores import score_values
from keras_bert_cls.evaluation.structure_estimates import score_structure


@dataclasses.dataclass(frozen=True)
class JudgedRows:
    """Rows beside the answers for them; all of them in scope.

    Attributes:
      task: "single_label", "multi_label" or "regression".
      labels: names of the ids; empty for regression.
      rows: what was asked.
      answers: what the model said.
      structure: how the labels relate to each other.
    """

    task: str
    labels: tuple[str, ...]
    rows: EvaluatedRows
    answers: ModelAnswers
    structure: LabelStructure = NO_STRUCTURE

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def correct(self) -> np.ndarray:
        """Whether the label is right, or for multi-label all labels are, bool [rows]."""
        right = self.rows.targets == self.answers.predicted
        return right.all(axis=1) if right.ndim == 2 else right

    def take(self, chosen: np.ndarray) -> "JudgedRows":
        """Returns some of the rows, by bool [rows]."""
        return dataclasses.replace(
            self, rows=self.rows.take(chosen), answers=self.answers.take(chosen)
        )

    def scores(self, bootstrap: Bootstrap) -> dict[str, Estimate]:
        """Scores the answers as the task asks for."""
        targets, predicted = self.rows.targets, self.answers.predicted
        if self.task == "regression":
            return score_values(targets, predicted, bootstrap)
        scores = score_labels(targets, predicted, self.task, len(self.labels), bootstrap)
        if self.task == "multi_label":
            return scores
        structure = self.structure
        return scores | score_structure(targets, predicted, self.labels, structure, bootstrap)

    def place(self, number: int) -> dict[str, Any]:
        """Returns a row as reports show it: where, text, text_pair, label."""
        row = self.rows.rows[number]
        label = self.named(self.rows.targets[number])
        return {"where": row.where, "text": row.text, "text_pair": row.text_pair, "label": label}

    def answer(self, number: int) -> dict[str, Any]:
        """Returns an answer as reports show it: predicted; of one label confidence, rejected."""
        answer: dict[str, Any] = {"predicted": self.named(self.answers.predicted[number])}
        if self.task == "single_label":
            answer["confidence"] = float(self.answers.confidences[number])
            answer["rejected"] = bool(self.answers.rejected[number])
        return answer

    def named(self, target: Any) -> str | list[str] | float:
        """Returns a target or an answer by name: a label, a list of labels, or a value."""
        match self.task:
            case "regression":
                return float(target)
            case "multi_label":
                return [self.labels[k] for k in np.flatnonzero(target)]
        return self.labels[target]


def most(values: np.ndarray, count: int) -> Sequence[int]:
    """Returns the places of the highest values, the highest first, earlier ones among equals."""
    return np.argsort(-values, kind="stable")[:count].tolist()

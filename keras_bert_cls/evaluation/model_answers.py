"""What a model answers, as arrays."""

import dataclasses
from collections.abc import Sequence

import numpy as np
from tqdm import tqdm

from keras_bert_cls.errors import UserError
from keras_bert_cls.evaluation.evaluated_rows import EvaluatedRows
from keras_bert_cls.inference import Classifier
from keras_bert_cls.predictions import Prediction

BATCH_SIZE = 32

_DECISION = 0.5


@dataclasses.dataclass(frozen=True)
class ModelAnswers:
    """The answers for rows.

    Attributes:
      predicted: label ids int [rows]; for multi-label 0/1 [rows, labels]; for regression the
        values, float64 [rows]. Of a rejected row the most probable label.
      probabilities: float64 [rows, labels]; None for regression.
      rejected: whether the model gave an answer that is none of its labels, bool [rows].
    """

    predicted: np.ndarray
    probabilities: np.ndarray | None
    rejected: np.ndarray

    @property
    def confidences(self) -> np.ndarray:
        """The probability of the predicted label, float64 [rows]; single-label models only."""
        assert self.probabilities is not None
        return np.take_along_axis(self.probabilities, self.predicted[:, np.newaxis], axis=1)[:, 0]

    @property
    def best_probabilities(self) -> np.ndarray:
        """The highest probability of each row, float64 [rows]; not for regression."""
        assert self.probabilities is not None
        return self.probabilities.max(axis=1)

    def take(self, chosen: np.ndarray) -> "ModelAnswers":
        """Returns the answers for some of the rows, by bool [rows]."""
        probabilities = None if self.probabilities is None else self.probabilities[chosen]
        return ModelAnswers(self.predicted[chosen], probabilities, self.rejected[chosen])


def ask(
    classifier: Classifier, rows: EvaluatedRows, labels: Sequence[str], batch_size: int
) -> ModelAnswers:
    """Asks a model for all rows, with a progress bar.

    Args:
      classifier: the model.
      rows: what to ask.
      labels: the order of the labels in the answers; the model's own in any order.
      batch_size: rows that run at once.

    Raises:
      UserError: the model has other labels, or takes pairs where the rows have none.
    """
    if set(classifier.labels) != set(labels):
        odd = sorted(set(classifier.labels) ^ set(labels))
        raise UserError(
            "both models need the same labels to be compared; only one of them knows "
            f"{', '.join(map(repr, odd[:5]))}{' and others' if len(odd) > 5 else ''}"
        )
    stream = classifier.predict_iter(rows.texts, rows.text_pairs, batch_size)
    shown = tqdm(stream, "predicting", len(rows), unit=" rows", disable=None, leave=False)
    predictions = list(shown)
    if classifier.task == "regression":
        values = np.array([prediction.value for prediction in predictions], np.float64)
        return ModelAnswers(values, None, np.zeros(len(rows), bool))
    _require_all_labels(predictions, labels)
    probabilities = np.array([_in_order(prediction, labels) for prediction in predictions])
    if classifier.task == "multi_label":
        decided = np.array([_decided(prediction, labels) for prediction in predictions])
        return ModelAnswers(decided.astype(np.int64), probabilities, np.zeros(len(rows), bool))
    ids = {label: number for number, label in enumerate(labels)}
    answers = np.array([ids.get(str(prediction.label), -1) for prediction in predictions])
    rejected = answers < 0
    return ModelAnswers(
        np.where(rejected, probabilities.argmax(axis=1), answers), probabilities, rejected
    )


def _require_all_labels(predictions: Sequence[Prediction], labels: Sequence[str]) -> None:
    for prediction in predictions[:1]:
        found = len(prediction.probabilities or {})
        if found != len(labels):
            raise UserError(
                f"a report needs the probabilities of all {len(labels)} labels; this model, whose "
                f"head is adaptive, gives those of the {found} best. Leave --report away."
            )


def _decided(prediction: Prediction, labels: Sequence[str]) -> list[bool]:
    """Returns which labels a multi-label model gives: by its own thresholds if it has any."""
    if prediction.labels is not None:
        return [label in prediction.labels for label in labels]
    return [probability > _DECISION for probability in _in_order(prediction, labels)]


def _in_order(prediction: Prediction, labels: Sequence[str]) -> list[float]:
    probabilities = prediction.probabilities
    assert probabilities is not None
    return [probabilities[label] for label in labels]

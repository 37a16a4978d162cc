"""The errors that the model was surest of."""

from typing import Any

import numpy as np

from keras_bert_cls.evaluation.judged_rows import JudgedRows, most

_MOST_SHOWN = 30


def confident_errors(judged: JudgedRows) -> list[dict[str, Any]]:
    """Lists errors, the most confident first; of regression the largest residuals.

    Returns:
      A dict each: row (its number), where, text, text_pair, label, predicted, and
        confidence: of what was predicted; of multi-label models that of the surest wrong decision
          on a label (1 - probability if the label was missed);
        label_probability: of the label of a single-label row.
    """
    sureness = _sureness(judged)
    wrong = int((sureness > 0).sum())
    return [_error(judged, number, sureness) for number in most(sureness, min(wrong, _MOST_SHOWN))]


def _sureness(judged: JudgedRows) -> np.ndarray:
    targets, answers = judged.rows.targets, judged.answers
    if judged.task == "regression":
        return np.abs(answers.predicted - targets)
    if judged.task == "multi_label":
        assert answers.probabilities is not None
        wrong = np.where(targets == 1, 1 - answers.probabilities, answers.probabilities)
        return np.where(targets != answers.predicted, wrong, 0.0).max(axis=1)
    return np.where(judged.correct, 0.0, answers.confidences)


def _error(judged: JudgedRows, number: int, sureness: np.ndarray) -> dict[str, Any]:
    error = {"row": number, **judged.place(number), **judged.answer(number)}
    if judged.task == "multi_label":
        error["confidence"] = float(sureness[number])
    if judged.task == "single_label":
        assert judged.answers.probabilities is not None
        target = judged.rows.targets[number]
        error["label_probability"] = float(judged.answers.probabilities[number, target])
    return error

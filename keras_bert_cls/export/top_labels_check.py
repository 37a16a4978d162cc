"""What an export of a model with an adaptive head should answer, and whether it does."""

from collections.abc import Mapping

import numpy as np

from keras_bert_cls.modeling.trained_model import TrainedModel


def top_probabilities(trained: TrainedModel, probabilities: np.ndarray) -> np.ndarray:
    """Returns the highest of the probabilities [n, labels] of each row, the highest first."""
    count = min(trained.settings.top_labels, probabilities.shape[1])
    return -np.sort(-probabilities, axis=1)[:, :count]


def top_labels_problem(
    trained: TrainedModel,
    answer: Mapping[str, np.ndarray],
    probabilities: np.ndarray,
    tolerance: float,
) -> str:
    """Looks up the labels of an answer: they must have the probabilities that stand beside them.

    Args:
      trained: the model.
      answer: the outputs of one signature.
      probabilities: of all labels, by the Keras model, [n, labels].
      tolerance: how far a probability may be off.

    Returns:
      What is wrong; "" for right answers, and for those that name no labels.
    """
    names = answer.get("labels", answer.get("classes"))
    scores = answer.get("probabilities", answer.get("scores"))
    if names is None or scores is None:
        return ""
    place = {label.encode(): number for number, label in enumerate(trained.settings.labels)}
    for row, (labels, found) in enumerate(zip(names.tolist(), scores, strict=True)):
        if len(set(labels)) != len(labels) or not place.keys() >= set(labels):
            return f"row {row} names {labels}, expected different labels of the model."
        expected = probabilities[row, [place[label] for label in labels]]
        if not np.abs(found - expected).max() <= tolerance:
            return f"row {row} gives {labels} {found.tolist()}, expected {expected.tolist()}."
    if "label" in answer and answer["label"].tolist() != names[:, 0].tolist():
        return "label is not the first of labels."
    return ""

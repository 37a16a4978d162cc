"""What a model says about one text, and what it is asked by. Imports no TensorFlow."""

import dataclasses
from collections.abc import Sequence
from typing import NamedTuple


@dataclasses.dataclass(frozen=True)
class Prediction:
    """The answer for one text, or for one pair of texts.

    Attributes:
      label: the label with the highest probability; None for regression. A model that
        bertcls-calibrate taught to reject answers with its unknown label, which is not among the
        `probabilities`, where it is not sure enough.
      score: the highest probability, in [0, 1], of unknown answers too; None for regression.
      probabilities: label -> probability, in the order of the model's labels. They sum to 1 for
        single-label models and are independent of each other for multi-label ones. A model with an
        adaptive head gives those of its best labels, the best first. None for regression, and where
        a server did not send them.
      value: what a regression model predicts; None for classification.
      labels: all labels that reach their thresholds, of a multi-label model with tuned ones; None
        for other models.
      path: of a model whose labels are paths in a tree: node -> its probability, from the top to a
        leaf, at each node on to the most probable child. It may end in another leaf than `label`,
        which is the most probable of all. None for other models.
    """

    label: str | None = None
    score: float | None = None
    probabilities: dict[str, float] | None = None
    value: float | None = None
    labels: tuple[str, ...] | None = None
    path: dict[str, float] | None = None


def top_prediction(labels: Sequence[str], probabilities: Sequence[float]) -> Prediction:
    """Returns the answer of a model that names its best labels only, the best first."""
    found = dict(zip(labels, probabilities, strict=True))
    return Prediction(labels[0], probabilities[0], found)


def task_signature(task: str | None, plain: str) -> str:
    """Returns what a signature of a model of one task is called in a model of several.

    Args:
      task: its name; None for a model of one task.
      plain: "serving_default", "classify" or "regress".
    """
    if task is None:
        return plain
    return task if plain == "serving_default" else f"{task}_{plain}"


class WrittenText(NamedTuple):
    """What a model wrote.

    Attributes:
      text: the output.
      score: its log-likelihood, divided by the length penalty.
    """

    text: str
    score: float


def path_of(names: Sequence[bytes], scores: Sequence[float]) -> dict[str, float]:
    """Returns `Prediction.path` from a row of the outputs path_labels and path_scores."""
    return {name.decode(): score for name, score in zip(names, scores, strict=True) if name}

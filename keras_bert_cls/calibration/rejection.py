"""The reject option (Chow 1970): below which confidence a model had better not answer."""

import dataclasses

import numpy as np

from keras_bert_cls.calibration.cuts import Cuts, cuts
from keras_bert_cls.errors import UserError

GOALS = ("reject_below", "target_accuracy", "target_coverage", "target_fpr", "balanced")
NEEDS_OUT_OF_SCOPE = ("target_fpr", "balanced")


@dataclasses.dataclass(frozen=True)
class Goal:
    """What a threshold is to achieve on held-out rows.

    Attributes:
      name: "reject_below": the threshold is `value`. "target_accuracy": the least threshold at
        which a share of at least `value` of the answered rows is right; rows out of scope never
        are. "target_coverage": the highest at which at least `value` of the rows in scope are
        answered. "target_fpr": the least at which at most `value` of the rows out of scope are
        answered. "balanced": where the share of answered rows in scope exceeds that of rows out of
        scope most (Youden 1950).
      value: in [0, 1]; "balanced" has none.
    """

    name: str
    value: float = 0.0

    def __str__(self) -> str:
        return self.name if self.name == "balanced" else f"{self.name} {self.value:g}"


@dataclasses.dataclass(frozen=True)
class Guesses:
    """The best labels of held-out rows, were all of them answered.

    Attributes:
      confidences: the best labels' probabilities, float32 [n].
      labels: their ids, int [n].
      right: bool [n]; never for rows out of scope.
      in_scope: whether a row has a label of the model, bool [n].
    """

    confidences: np.ndarray
    labels: np.ndarray
    right: np.ndarray
    in_scope: np.ndarray

    def of_label(self, label: int) -> "Guesses":
        """Returns the rows whose best label it is."""
        kept = self.labels == label
        return Guesses(*(getattr(self, field.name)[kept] for field in dataclasses.fields(self)))


def rejection_threshold(goal: Goal, guesses: Guesses) -> float:
    """Returns the threshold of a goal.

    Raises:
      UserError: no threshold reaches the goal on these rows.
    """
    if goal.name == "reject_below":
        return goal.value
    found = cuts(guesses.confidences)
    threshold = _threshold(goal, guesses, found)
    if threshold is None:
        raise UserError(
            f"no threshold reaches {goal}: {_best_possible(goal, guesses, found)}. Choose a value "
            "that can be reached, or another goal."
        )
    return threshold


def label_thresholds(
    goal: Goal, guesses: Guesses, label_count: int, fallback: float, min_rows: int
) -> tuple[list[float], int]:
    """Returns a threshold for each label, from the rows whose best label it is.

    Args:
      goal: what each of them is to reach.
      guesses: of the held-out rows.
      label_count: the number of labels.
      fallback: the threshold of labels whose rows are fewer than `min_rows` (in scope, and out of
        scope if the goal looks at these), or do not reach the goal at any threshold.
      min_rows: see above.

    Returns:
      The thresholds, and the number of labels that have one of their own.
    """
    found: list[float | None] = []
    for label in range(label_count):
        own = guesses.of_label(label)
        rows = int(own.in_scope.sum())
        if goal.name in NEEDS_OUT_OF_SCOPE:
            rows = min(rows, len(own.in_scope) - rows)
        enough = rows >= max(1, min_rows)
        found.append(_threshold(goal, own, cuts(own.confidences)) if enough else None)
    own_count = sum(threshold is not None for threshold in found)
    return [fallback if threshold is None else threshold for threshold in found], own_count


def rejection_scores(guesses: Guesses, answered: np.ndarray) -> dict[str, float]:
    """Scores a choice of the rows to answer, bool [n].

    Returns:
      `coverage`: share of the rows in scope that are answered; `answered_accuracy`: share of those
      that are right; `accuracy`: share of all rows in scope that are answered and right; and, if
      there are rows out of scope, `out_of_scope_recall`: share of them that are rejected.
    """
    inside, outside = guesses.in_scope, ~guesses.in_scope
    in_answered = answered & inside
    scores = {
        "coverage": _share(in_answered, inside),
        "answered_accuracy": _share(guesses.right & in_answered, in_answered),
        "accuracy": _share(guesses.right & in_answered, inside),
    }
    if outside.any():
        scores["out_of_scope_recall"] = _share(~answered & outside, outside)
    return scores


def _threshold(goal: Goal, guesses: Guesses, found: Cuts) -> float | None:
    if goal.name == "balanced":
        gains = _coverage(guesses, found) - _false_positives(guesses, found)
        return float(found.thresholds[len(gains) - 1 - gains[::-1].argmax()])
    reached = {
        "target_accuracy": lambda: _accuracy(guesses, found) >= goal.value,
        "target_coverage": lambda: _coverage(guesses, found) >= goal.value,
        "target_fpr": lambda: _false_positives(guesses, found) <= goal.value,
    }[goal.name]()
    if not reached.any():
        return None
    places = np.flatnonzero(reached)
    return float(found.thresholds[places[0 if goal.name == "target_coverage" else -1]])


def _best_possible(goal: Goal, guesses: Guesses, found: Cuts) -> str:
    if goal.name == "target_fpr":
        share = _false_positives(guesses, found).min()
        return f"the most confident rows have a share of {share:.4f} of those out of scope"
    return f"the best accuracy of answered rows is {_accuracy(guesses, found).max():.4f}"


def _accuracy(guesses: Guesses, found: Cuts) -> np.ndarray:
    return found.totals(guesses.right) / found.counts


def _coverage(guesses: Guesses, found: Cuts) -> np.ndarray:
    return found.totals(guesses.in_scope) / guesses.in_scope.sum()


def _false_positives(guesses: Guesses, found: Cuts) -> np.ndarray:
    outside = ~guesses.in_scope
    return found.totals(outside) / outside.sum()


def _share(part: np.ndarray, whole: np.ndarray) -> float:
    return float(part.sum() / whole.sum()) if whole.any() else 0.0

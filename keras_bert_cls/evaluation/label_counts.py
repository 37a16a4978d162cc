"""Hits, predictions and occurrences of labels, in the data and in draws from it."""

import dataclasses
from typing import Any, NamedTuple

import numpy as np


class LabelCounts(NamedTuple):
    """Counts in one or more data sets of equally many rows.

    Attributes:
      hits: rows with a label that the model gave them, int64 [..., labels].
      predicted: rows that the model gave a label, int64 [..., labels].
      actual: rows that have a label, int64 [..., labels].
      exact: rows whose labels are all right, int64 [...].
      rows: rows of each data set.
    """

    hits: np.ndarray
    predicted: np.ndarray
    actual: np.ndarray
    exact: np.ndarray
    rows: int

    @property
    def occurs(self) -> np.ndarray:
        """Whether a label is predicted or right anywhere, bool [..., labels]."""
        return (self.predicted + self.actual) > 0

    @property
    def f1(self) -> np.ndarray:
        """F1 of each label, 0 where it does not occur, float64 [..., labels]."""
        return ratio(2 * self.hits, self.predicted + self.actual)


@dataclasses.dataclass(frozen=True)
class RowGroups:
    """Rows, of which those with the same labels and predictions are one group.

    Attributes:
      sizes: rows of each group, int64 [groups].
      actual: 1 where the group's rows have a label, sparse int64 [groups, labels].
      predicted: 1 where the model gave it to them, likewise.
      hits: 1 where both are, likewise.
      exact: 1 where all labels of the group are right, int64 [groups].
    """

    sizes: np.ndarray
    actual: Any
    predicted: Any
    hits: Any
    exact: np.ndarray

    def count(self, drawn: np.ndarray) -> LabelCounts:
        """Counts labels in draws, int64 [draws, groups] rows of each group; or in one, [groups]."""
        return LabelCounts(
            hits=drawn @ self.hits,
            predicted=drawn @ self.predicted,
            actual=drawn @ self.actual,
            exact=drawn @ self.exact,
            rows=int(self.sizes.sum()),
        )


def group_rows(targets: np.ndarray, *predictions: np.ndarray, labels: int) -> tuple[RowGroups, ...]:
    """Groups rows by what is right and what one or more models predicted.

    Args:
      targets: label ids int [rows], or 0/1 [rows, labels].
      *predictions: likewise, of each model.
      labels: how many there are.

    Returns:
      The groups, the same for each of the models, with its predictions.
    """
    columns = [values.reshape(len(values), -1) for values in (targets, *predictions)]
    _, first, sizes = np.unique(np.hstack(columns), axis=0, return_index=True, return_counts=True)
    actual = _indicators(targets[first], labels)
    return tuple(_groups(sizes, actual, _indicators(p[first], labels)) for p in predictions)


def _groups(sizes: np.ndarray, actual: Any, predicted: Any) -> RowGroups:
    hits = (actual * predicted).tocsr()
    differences = np.asarray(abs(actual - predicted).sum(axis=1)).ravel()
    return RowGroups(sizes, actual, predicted, hits, (differences == 0).astype(np.int64))


def ratio(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """Returns part / whole, float64; 0 where whole is 0."""
    part, whole = np.broadcast_arrays(np.asarray(part, np.float64), np.asarray(whole, np.float64))
    return np.divide(part, whole, out=np.zeros(part.shape), where=whole != 0)


def _indicators(values: np.ndarray, labels: int) -> Any:
    from scipy import sparse

    if values.ndim == 2:
        return sparse.csr_array(values.astype(np.int64))
    ones = np.ones(len(values), np.int64)
    rows = np.arange(len(values))
    return sparse.csr_array((ones, (rows, values)), shape=(len(values), labels))

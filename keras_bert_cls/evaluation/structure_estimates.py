"""Scores that know how labels relate, with confidence intervals; see `structure_values`."""

from collections.abc import Sequence

import numpy as np

from keras_bert_cls.data.label_structure import LabelStructure
from keras_bert_cls.evaluation.bootstrap import Bootstrap, Estimate, estimates
from keras_bert_cls.training.structure_scores import structure_values


def score_structure(
    targets: np.ndarray,
    predictions: np.ndarray,
    labels: Sequence[str],
    structure: LabelStructure,
    bootstrap: Bootstrap,
) -> dict[str, Estimate]:
    """Scores label ids, int [rows] each; nothing for labels without a structure."""
    groups, sizes = _groups(targets, predictions)

    def values(drawn: np.ndarray) -> dict[str, np.ndarray]:
        return structure_values(groups[0], groups[1], drawn, labels, structure)

    whole = {name: float(value[0]) for name, value in values(sizes[np.newaxis]).items()}
    return estimates(whole, map(values, bootstrap.counts(sizes))) if whole else {}


def structure_differences(
    targets: np.ndarray,
    first: np.ndarray,
    second: np.ndarray,
    labels: Sequence[str],
    structure: LabelStructure,
    bootstrap: Bootstrap,
) -> dict[str, Estimate]:
    """Returns first minus second of each score; every draw takes the same rows for both."""
    groups, sizes = _groups(targets, first, second)

    def difference(drawn: np.ndarray) -> dict[str, np.ndarray]:
        one, other = (
            structure_values(groups[0], predictions, drawn, labels, structure)
            for predictions in groups[1:]
        )
        return {name: one[name] - other[name] for name in one}

    whole = {name: float(value[0]) for name, value in difference(sizes[np.newaxis]).items()}
    return estimates(whole, map(difference, bootstrap.counts(sizes))) if whole else {}


def _groups(*columns: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns the distinct rows of some columns, [columns, groups], and how many there are."""
    return np.unique(np.stack(columns), axis=1, return_counts=True)

"""Whether one model is better than another on the same rows."""

from typing import Any

import numpy as np

from keras_bert_cls.evaluation.bootstrap import Bootstrap, Estimate, estimates
from keras_bert_cls.evaluation.classification_scores import values_of
from keras_bert_cls.evaluation.label_counts import group_rows
from keras_bert_cls.evaluation.regression_scores import regression_values


def mcnemar(first_correct: np.ndarray, second_correct: np.ndarray) -> dict[str, Any]:
    """Tests whether two models are right equally often: McNemar 1947, the exact test.

    Of the rows that only one of the two gets right, each would get half if they were equally good.

    Args:
      first_correct, second_correct: bool [rows].

    Returns:
      only_first, only_second: rows that only this model gets right; p_value: two-sided, binomial.
    """
    from scipy.stats import binomtest

    only_first = int((first_correct & ~second_correct).sum())
    only_second = int((second_correct & ~first_correct).sum())
    differing = only_first + only_second
    p_value = binomtest(only_first, differing).pvalue if differing else 1.0
    return {"only_first": only_first, "only_second": only_second, "p_value": float(p_value)}


def label_differences(
    targets: np.ndarray,
    first: np.ndarray,
    second: np.ndarray,
    task: str,
    labels: int,
    bootstrap: Bootstrap,
) -> dict[str, Estimate]:
    """Returns first minus second of each score, with the paired bootstrap's intervals.

    Every draw takes the same rows for both models.

    Args:
      targets: label ids int [rows], or for multi-label 0/1 [rows, labels].
      first, second: what the models predicted, likewise.
      task: "single_label" or "multi_label".
      labels: how many there are.
      bootstrap: how rows are drawn.
    """
    values = values_of(task)
    models = group_rows(targets, first, second, labels=labels)
    sizes = models[0].sizes
    occurs = [groups.count(sizes).occurs for groups in models]

    def difference(drawn: np.ndarray) -> dict[str, np.ndarray]:
        one, other = (
            values(groups.count(drawn), in_data)
            for groups, in_data in zip(models, occurs, strict=True)
        )
        return {name: one[name] - other[name] for name in one}

    whole = {name: float(value) for name, value in difference(sizes).items()}
    return estimates(whole, (difference(drawn) for drawn in bootstrap.counts(sizes)))


def value_differences(
    targets: np.ndarray, first: np.ndarray, second: np.ndarray, bootstrap: Bootstrap
) -> dict[str, Estimate]:
    """Returns first minus second of each score of values, float64 [rows] each; see above."""

    def difference(rows: np.ndarray) -> dict[str, np.ndarray]:
        one, other = (regression_values(targets[rows], values[rows]) for values in (first, second))
        return {name: one[name] - other[name] for name in one}

    draws = (difference(rows) for rows in bootstrap.rows(len(targets)))
    whole = difference(np.arange(len(targets))[np.newaxis])
    return estimates({name: float(value[0]) for name, value in whole.items()}, draws)

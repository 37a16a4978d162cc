"""Two models on the same rows, for the report."""

from typing import Any

import numpy as np

from keras_bert_cls.evaluation.bootstrap import Bootstrap
from keras_bert_cls.evaluation.comparison import label_differences, mcnemar, value_differences
from keras_bert_cls.evaluation.judged_rows import JudgedRows, most
from keras_bert_cls.evaluation.structure_estimates import structure_differences

_MOST_SHOWN = 20


def compare(first: JudgedRows, second: JudgedRows, bootstrap: Bootstrap) -> dict[str, Any]:
    """Compares the answers of two models for the same rows.

    Returns:
      scores: of the second model;
      differences: first minus second of each score, with intervals of the paired bootstrap;
      mcnemar: see `mcnemar`; None for regression;
      only_first, only_second: rows that only one of them gets right, the surest answers of the
        wrong one first: where, text, text_pair, label, first, second. None for regression.
    """
    targets = first.rows.targets
    predicted = first.answers.predicted, second.answers.predicted
    comparison: dict[str, Any] = {"scores": second.scores(bootstrap)}
    if first.task == "regression":
        differences = value_differences(targets, *predicted, bootstrap)
        nothing = {"mcnemar": None, "only_first": None, "only_second": None}
        return {**comparison, "differences": differences, **nothing}
    labels, structure = first.labels, first.structure
    differences = label_differences(targets, *predicted, first.task, len(labels), bootstrap)
    if first.task == "single_label":
        differences |= structure_differences(targets, *predicted, labels, structure, bootstrap)
    one, other = first.correct, second.correct
    return {
        **comparison,
        "differences": differences,
        "mcnemar": mcnemar(one, other),
        "only_first": _rows(first, second, one & ~other, second),
        "only_second": _rows(first, second, other & ~one, first),
    }


def _rows(
    first: JudgedRows, second: JudgedRows, chosen: np.ndarray, wrong: JudgedRows
) -> list[dict[str, Any]]:
    sureness = np.where(chosen, 1.0, -1.0)
    if wrong.task == "single_label":
        sureness = np.where(chosen, wrong.answers.confidences, -1.0)
    return [
        {**first.place(n), "first": first.answer(n), "second": second.answer(n)}
        for n in most(sureness, min(int(chosen.sum()), _MOST_SHOWN))
    ]

"""Scores of parts of the data: by length, by language, by the values of a column."""

import collections
from collections.abc import Sequence
from typing import Any

import numpy as np

from keras_bert_cls.data.languages import language_of
from keras_bert_cls.evaluation.bootstrap import Bootstrap, proportion
from keras_bert_cls.evaluation.judged_rows import JudgedRows
from keras_bert_cls.evaluation.label_counts import group_rows
from keras_bert_cls.evaluation.regression_scores import score_values

MOST_GROUPS = 30

_OTHERS = "(others)"
_SHORTEST = 8


def score_slices(
    name: str, groups: Sequence[str], judged: JudgedRows, bootstrap: Bootstrap
) -> dict[str, Any]:
    """Scores the rows of each group.

    Args:
      name: what the groups are by.
      groups: the group of each row; those beyond the largest MOST_GROUPS are joined to one.
      judged: the rows.
      bootstrap: for the intervals of errors of values; shares of rows have Wilson's.

    Returns:
      name; groups: name, rows, score (accuracy; of multi-label models subset accuracy; of
        regression MAE), and for labels f1: macro F1 over the labels that occur in the group, of
        multi-label models micro F1. The largest groups come first.
    """
    sizes = collections.Counter(groups).most_common()
    kept = [group for group, _ in sorted(sizes, key=lambda item: (-item[1], item[0]))]
    named = np.array(groups, object)
    if len(kept) > MOST_GROUPS:
        named[~np.isin(named, kept[:MOST_GROUPS])] = _OTHERS
        kept = [*kept[:MOST_GROUPS], _OTHERS]
    return {
        "name": name,
        "groups": [
            {"group": group, **_score(judged.take(named == group), bootstrap)} for group in kept
        ],
    }


def score_lengths(lengths: np.ndarray, judged: JudgedRows, bootstrap: Bootstrap) -> dict[str, Any]:
    """Scores rows by their tokens, int [rows]; groups up to 8, 16, 32… tokens, shortest first."""
    powers = np.ceil(np.log2(np.maximum(lengths, _SHORTEST) / _SHORTEST)).astype(int)
    ends = _SHORTEST * 2**powers
    groups = [f"up to {end}" for end in ends]
    scored = score_slices("tokens", groups, judged, bootstrap)
    scored["groups"].sort(key=lambda group: int(group["group"].removeprefix("up to ")))
    return scored


def languages(judged: JudgedRows) -> list[str]:
    """Returns the language of each row's texts."""
    return [language_of(f"{row.text} {row.text_pair or ''}") for row in judged.rows.rows]


def _score(part: JudgedRows, bootstrap: Bootstrap) -> dict[str, Any]:
    targets, predicted = part.rows.targets, part.answers.predicted
    if part.task == "regression":
        return {"rows": len(part), "score": score_values(targets, predicted, bootstrap)["mae"]}
    (groups,) = group_rows(targets, predicted, labels=len(part.labels))
    counts = groups.count(groups.sizes)
    if part.task == "multi_label":
        both = counts.predicted.sum() + counts.actual.sum()
        f1 = 2 * counts.hits.sum() / both if both else 0.0
    else:
        f1 = counts.f1.sum() / counts.occurs.sum()
    accuracy = proportion(int(part.correct.sum()), len(part))
    return {"rows": len(part), "score": accuracy, "f1": float(f1)}

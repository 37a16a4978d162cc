"""How well confidence tells rows of the model's labels from rows of none."""

from typing import Any

import numpy as np

from keras_bert_cls.calibration.out_of_scope import auroc, fpr95


def score_out_of_scope(
    inside: np.ndarray, outside: np.ndarray, rejected: np.ndarray
) -> dict[str, Any]:
    """Scores the confidence of a model as a detector of what it does not know.

    Args:
      inside: confidences of the rows that have one of the labels, float64 [n].
      outside: of those that have none, float64 [m].
      rejected: which of the latter the model itself rejected, bool [m].

    Returns:
      rows: m;
      auroc: the chance that a row in scope is more confident than one out of scope, equal ones
        counting half (Hendrycks and Gimpel 2017, https://arxiv.org/abs/1610.02136);
      fpr95: the share of rows out of scope that pass the highest threshold which 95 % of those in
        scope pass (as Liang et al. 2018 report it, https://arxiv.org/abs/1706.02690);
      rejected: the share that the model itself rejected.
    """
    return {
        "rows": len(outside),
        "auroc": auroc(inside, outside),
        "fpr95": fpr95(inside, outside),
        "rejected": float(rejected.mean()),
    }

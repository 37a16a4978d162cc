"""Rows whose label is probably wrong: confident learning on the model's embeddings.

Northcutt, Jiang and Chuang 2021, "Confident Learning: Estimating Uncertainty in Dataset Labels"
(https://arxiv.org/abs/1911.00068).
"""

import warnings
from typing import Any

import numpy as np

FOLDS = 5

# Directions of the embeddings that the regression sees, those that vary most. With more of them
# than rows can tell apart it would learn its own rows by heart, and be sure of whatever it says.
_MOST_DIRECTIONS = 128
_ROWS_A_DIRECTION = 10
_MOST_ITERATIONS = 300


def label_suspects(embeddings: np.ndarray, targets: np.ndarray, seed: int) -> dict[str, Any]:
    """Finds rows whose label contradicts what the other rows say.

    A logistic regression learns the labels from the embeddings of four fifths of the rows and
    judges the last fifth, in turn. A label's threshold is the mean probability that the rows which
    bear it get for it. A row is a suspect if, among the labels whose threshold it reaches, another
    than its own is the most probable: it is off the diagonal of the paper's confident joint.

    Args:
      embeddings: float32 [rows, hidden].
      targets: label ids, int [rows].
      seed: of the folds.

    Returns:
      judged: rows with a label that at least FOLDS rows have; the others are not judged.
      suspects: row, label and suggested (ids), probability (of the row's label), and
        suggested_probability; the most suspicious first, by the difference of the two.
      reason: why nothing was judged; None if it was.
    """
    rows_of = np.bincount(targets)
    judged = np.flatnonzero(rows_of[targets] >= FOLDS)
    ids, classes = np.unique(targets[judged], return_inverse=True)
    reason = None
    if len(ids) < 2:
        reason = f"fewer than two labels have {FOLDS} rows, which cross-validation needs"
    elif not np.ptp(embeddings[judged], axis=0).any():
        reason = "all rows have the same embedding"
    if reason is not None:
        return {"judged": 0, "suspects": [], "reason": reason}
    probabilities = out_of_fold_probabilities(embeddings[judged], classes, seed)
    suggested = confident_labels(probabilities, classes)
    found = np.flatnonzero((suggested >= 0) & (suggested != classes))
    own, other = probabilities[found, classes[found]], probabilities[found, suggested[found]]
    order = np.argsort(own - other, kind="stable")
    suspects = [
        {
            "row": int(judged[found[k]]),
            "label": int(ids[classes[found[k]]]),
            "suggested": int(ids[suggested[found[k]]]),
            "probability": float(own[k]),
            "suggested_probability": float(other[k]),
        }
        for k in order
    ]
    return {"judged": len(judged), "suspects": suspects, "reason": None}


def out_of_fold_probabilities(embeddings: np.ndarray, classes: np.ndarray, seed: int) -> np.ndarray:
    """Returns the class probabilities of rows, from models that did not learn from these rows.

    Args:
      embeddings: float32 [rows, hidden].
      classes: int [rows], 0 to the number of classes - 1, each FOLDS times at least.
      seed: of the folds.

    Returns:
      float64 [rows, classes].
    """
    from sklearn.decomposition import PCA
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import StratifiedKFold, cross_val_predict
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    affordable = max(2, len(embeddings) // _ROWS_A_DIRECTION)
    directions = min(_MOST_DIRECTIONS, affordable, embeddings.shape[1])
    model = make_pipeline(
        PCA(directions, svd_solver="covariance_eigh"),
        StandardScaler(),
        LogisticRegression(max_iter=_MOST_ITERATIONS, tol=1e-3),
    )
    folds = StratifiedKFold(FOLDS, shuffle=True, random_state=seed)
    with warnings.catch_warnings():
        # Probabilities that are not quite the optimum's serve as well.
        warnings.simplefilter("ignore", ConvergenceWarning)
        return cross_val_predict(
            model, embeddings, classes, cv=folds, method="predict_proba"
        ).astype(np.float64)


def confident_labels(probabilities: np.ndarray, classes: np.ndarray) -> np.ndarray:
    """Returns the class of each row in the confident joint; -1 for rows that are not in it.

    Args:
      probabilities: out-of-sample ones, float64 [rows, classes].
      classes: the given ones, int [rows]; every class is there.
    """
    columns = range(probabilities.shape[1])
    thresholds = np.array([probabilities[classes == k, k].mean() for k in columns])
    reached = np.where(probabilities >= thresholds, probabilities, -1.0)
    best = reached.argmax(axis=1)
    return np.where(reached.max(axis=1) >= 0, best, -1)

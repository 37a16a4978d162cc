"""Pseudo-labels: what a teacher is sure of is taken for a label (Lee 2013)."""

from collections.abc import Callable

import numpy as np

from keras_bert_cls.data.batches import JudgedRows
from keras_bert_cls.data.token_store import TokenStore
from keras_bert_cls.errors import UserError
from keras_bert_cls.training.distillation_config import DistillationConfig


def pseudo_labels(
    logits: np.ndarray, task: str, confidence: float
) -> tuple[np.ndarray, np.ndarray]:
    """Returns a teacher's choices, and which of them it is sure of.

    Args:
      logits: float32 [rows, labels].
      task: "single_label" or "multi_label".
      confidence: least probability of a choice.

    Returns:
      int32 [rows], the most probable label; for multi-label float32 [rows, labels], 1 for the
      labels of a probability over a half. And bool [rows]: whether the choice, or for multi-label
      each yes and no, has that probability.
    """
    logits = np.asarray(logits, np.float64)
    if task == "multi_label":
        sure = 1 / (1 + np.exp(-np.abs(logits)))
        return (logits > 0).astype(np.float32), sure.min(axis=-1) >= confidence
    choices = logits.argmax(axis=-1)
    highest = logits.max(axis=-1, keepdims=True)
    probability = 1 / np.exp(logits - highest).sum(axis=-1)
    return choices.astype(np.int32), probability >= confidence


def judge_rows(
    store: TokenStore,
    logits: np.ndarray,
    task: str,
    config: DistillationConfig,
    report: Callable[[str], None],
) -> JudgedRows:
    """Gives labels to the training rows that have none.

    Args:
      store: the training rows; its column `labelled` says which have one.
      logits: of the teacher, float32 [rows, labels].
      task: "single_label" or "multi_label".
      config: how sure the teacher must be, and what its labels weigh.
      report: is told how many rows got one.

    Returns:
      Targets of all rows, and their weights: 1 with a label of their own, 0 where the teacher is
      not sure.

    Raises:
      UserError: the teacher is sure of no row.
    """
    targets, sure = pseudo_labels(logits, task, config.pseudo_confidence)
    labelled = store.values("labelled") > 0
    for row in np.flatnonzero(labelled).tolist():
        if task == "multi_label":
            targets[row] = 0
            targets[row, store.row("target", row)] = 1
        else:
            targets[row] = store.values("target")[row]
    taken = sure & ~labelled
    if not taken.any():
        raise UserError(
            "--config.distillation.pseudo_confidence: the teacher gives no unlabelled text a label "
            f"with a probability of at least {config.pseudo_confidence}: lower it"
        )
    report(
        f"pseudo-labels: {taken.sum():,} of {(~labelled).sum():,} unlabelled texts have one with a "
        f"probability of at least {config.pseudo_confidence}"
    )
    weights = np.where(labelled, 1.0, config.pseudo_weight * taken)
    return JudgedRows(targets, weights.astype(np.float32))

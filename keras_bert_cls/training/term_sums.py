"""Sums over the entries of batches, and the means that people read."""

from collections.abc import Mapping

import tensorflow as tf

from keras_bert_cls.training.objectives import Objective, Tensors

_ACCURACIES = {
    "masked": "masked_accuracy",
    "pair": "pair_accuracy",
    "label": "train_accuracy",
    "token": "token_accuracy",
    "soft": "teacher_agreement",
    "r_drop": "pass_agreement",
}


def sum_names(objective: Objective, batch: Tensors) -> list[str]:
    """Returns the names of what `term_sums` returns for such a batch."""
    with_accuracy = objective.accuracy_terms(batch)
    return [
        f"{term}_{kind}"
        for term in objective.weights(batch)
        for kind in ("loss", "weight", *(("correct", "entries") if term in with_accuracy else ()))
    ]


def term_sums(objective: Objective, outputs: Tensors, batch: Tensors) -> Tensors:
    """Sums up a batch.

    Returns:
      float32 scalars for each term of the objective:
        TERM_loss: sum of the weighted losses;
        TERM_weight: sum of the weights;
        TERM_correct, TERM_entries: how many entries of a weight over 0 were predicted right, and
          how many there are; only if the objective has an accuracy.
    """
    losses, weights = objective.losses(outputs, batch), objective.weights(batch)
    sums = {}
    for term, weight in weights.items():
        sums[f"{term}_loss"] = tf.reduce_sum(losses[term] * weight)
        sums[f"{term}_weight"] = tf.reduce_sum(weight)
    if objective.has_accuracy:
        for term, correct in objective.correct(outputs, batch).items():
            counted = tf.cast(weights[term] > 0, tf.float32)
            sums[f"{term}_correct"] = tf.reduce_sum(correct * counted)
            sums[f"{term}_entries"] = tf.reduce_sum(counted)
    return sums


def mean_values(sums: Mapping[str, float]) -> dict[str, float]:
    """Turns the sums of many batches into means.

    Returns:
      `loss`, the sum of the terms' weighted mean losses; and `masked_accuracy`, `pair_accuracy`,
      `token_accuracy` (of the tokens of targets), `train_accuracy`, `teacher_agreement` and
      `pass_agreement` (of single labels) where they apply. Of terms that are called TASK/TERM the
      same by task, as TASK/loss and so on, for the tasks that occurred; `loss` is then the mean of
      theirs.
    """
    terms = [name.removesuffix("_weight") for name in sums if name.endswith("_weight")]
    losses: dict[str, float] = {}
    accuracies = {}
    for term in terms:
        task, slash, kind = term.rpartition("/")
        weight = sums[f"{term}_weight"]
        if task and not weight:
            continue
        loss = sums[f"{term}_loss"] / max(weight, 1e-9)
        losses[task] = losses.get(task, 0.0) + loss
        if f"{term}_correct" in sums:
            entries = max(sums[f"{term}_entries"], 1.0)
            accuracies[f"{task}{slash}{_ACCURACIES[kind]}"] = sums[f"{term}_correct"] / entries
    by_task = {f"{task}/loss": loss for task, loss in losses.items() if task}
    return {"loss": sum(losses.values()) / max(1, len(losses)), **by_task, **accuracies}

"""Runs a model over a data set and scores it."""

import keras
import numpy as np
import tensorflow as tf

from keras_bert_cls.training.metrics import (
    Scores,
    multi_label_scores,
    regression_scores,
    single_label_scores,
)
from keras_bert_cls.training.objectives import Objective, Tensors


class Evaluator:
    """Scores a model on a data set.

    Args:
      model: from a dict of inputs to a dict of outputs.
      objective: its losses are averaged, as in training.
      dataset: finite; its batches have `target` where the task has labels.
      task: "masked_lm", "single_label", "multi_label" or "regression".
      labels: names of the logits.
    """

    def __init__(
        self,
        model: keras.Model,
        objective: Objective,
        dataset: tf.data.Dataset,
        task: str,
        labels: tuple[str, ...] = (),
    ):
        self._model, self._objective, self._dataset = model, objective, dataset
        self._task, self._labels = task, labels
        self._step = tf.function(self._step_of, reduce_retracing=True)

    def __call__(self) -> Scores:
        """Returns the scores: `loss`, and what the task is judged by."""
        sums: dict[str, float] = {}
        logits, targets = [], []
        for batch in self._dataset:
            new, batch_logits = self._step(batch)
            for name, value in new.items():
                sums[name] = sums.get(name, 0.0) + float(value)
            if self._task != "masked_lm":
                real = batch["sample_weight"].numpy() > 0
                logits.append(batch_logits.numpy()[real])
                targets.append(batch["target"].numpy()[real])
        means = mean_values(sums)
        if self._task == "masked_lm":
            return Scores(means)
        scores = self._score(np.concatenate(targets), np.concatenate(logits))
        return Scores({"loss": means["loss"], **scores.values}, scores.labels)

    def _step_of(self, batch: Tensors):
        outputs = self._model(
            {name: batch[name] for name in self._objective.inputs}, training=False
        )
        losses = self._objective.losses(outputs, batch)
        weights = self._objective.weights(batch)
        correct = self._objective.correct(outputs, batch)
        sums = {}
        for term, weight in weights.items():
            sums[f"{term}_loss"] = tf.reduce_sum(losses[term] * weight)
            sums[f"{term}_weight"] = tf.reduce_sum(weight)
            sums[f"{term}_correct"] = tf.reduce_sum(weight * correct.get(term, 0.0))
        return sums, outputs["logits"]

    def _score(self, targets: np.ndarray, logits: np.ndarray) -> Scores:
        if self._task == "single_label":
            return single_label_scores(targets, logits.argmax(axis=1), self._labels)
        if self._task == "multi_label":
            return multi_label_scores(targets, logits > 0, self._labels)
        return regression_scores(targets, logits[:, 0])


def mean_values(sums: dict[str, float]) -> dict[str, float]:
    """Turns TERM_loss, TERM_correct, TERM_weight sums into means.

    Returns:
      `loss`, the sum of the terms' mean losses; and for masked LM `masked_accuracy`, and with a
      pair objective `pair_accuracy`.
    """
    terms = [name.removesuffix("_weight") for name in sums if name.endswith("_weight")]
    weights = {term: max(sums[f"{term}_weight"], 1e-9) for term in terms}
    means = {"loss": sum(sums[f"{term}_loss"] / weights[term] for term in terms)}
    for term in ("masked", "pair"):
        if term in weights:
            means[f"{term}_accuracy"] = sums[f"{term}_correct"] / weights[term]
    if "label" in weights and sums["label_correct"]:
        means["train_accuracy"] = sums["label_correct"] / weights["label"]
    return means

"""Runs a model over a data set and scores it."""

import keras
import numpy as np
import tensorflow as tf
from tqdm import tqdm

from keras_bert_cls.data.label_structure import NO_STRUCTURE, LabelStructure
from keras_bert_cls.modeling.output_softmax import softmax_of
from keras_bert_cls.training.metrics import (
    Scores,
    multi_label_scores,
    regression_scores,
    single_label_scores,
)
from keras_bert_cls.training.objectives import Tensors, plain_objective
from keras_bert_cls.training.term_sums import mean_values, term_sums


class Evaluator:
    """Scores a model on a data set.

    The loss is plain, without label smoothing and class weights, so that runs can be compared.

    Args:
      model: from a dict of inputs to a dict of outputs.
      dataset: finite; its batches have `target` where the task has labels.
      task: "masked_lm", "single_label", "multi_label" or "regression".
      labels: names of the logits.
      rows: of the data set, for the progress bar.
      structure: how the labels relate to each other.
    """

    def __init__(
        self,
        model: keras.Model,
        dataset: tf.data.Dataset,
        task: str,
        labels: tuple[str, ...] = (),
        rows: int | None = None,
        structure: LabelStructure = NO_STRUCTURE,
    ):
        self._model, self._dataset, self._rows = model, dataset, rows
        self._objective = plain_objective(task).for_model(model)
        self._task, self._labels, self._structure = task, labels, structure
        self._softmax = softmax_of(model)
        # One graph for batches of all shapes.
        self._step = tf.function(self._step_of, input_signature=[dataset.element_spec])

    def __call__(self) -> Scores:
        """Returns the scores: `loss`, and what the task is judged by."""
        sums: dict[str, float] = {}
        answers, targets = [], []
        bar = tqdm(total=self._rows, desc="scoring", unit=" rows", disable=None, leave=False)
        with bar:
            for batch in self._dataset:
                new, batch_answers = self._step(batch)
                for name, value in new.items():
                    sums[name] = sums.get(name, 0.0) + float(value)
                real = batch["sample_weight"].numpy() > 0
                if self._task != "masked_lm":
                    answers.append(batch_answers.numpy()[real])
                    targets.append(batch["target"].numpy()[real])
                bar.update(int(real.sum()))
        means = mean_values(sums)
        if self._task == "masked_lm":
            return Scores(means)
        scores = self._score(np.concatenate(targets), np.concatenate(answers))
        return Scores({"loss": means["loss"], **scores.values}, scores.labels)

    def _step_of(self, batch: Tensors):
        outputs = self._model(
            {name: batch[name] for name in self._objective.inputs}, training=False
        )
        sums = term_sums(self._objective, outputs, batch)
        # Logits of many tokens or labels are big, and nobody needs them here.
        # (Not by `match`, which AutoGraph does not know.)
        if self._task == "masked_lm":
            return sums, None
        if self._task == "single_label":
            return sums, self._softmax.predict(outputs)
        return sums, outputs["logits"]

    def _score(self, targets: np.ndarray, answers: np.ndarray) -> Scores:
        """Scores labels int [rows] of a single-label model, or logits float [rows, logits]."""
        if self._task == "single_label":
            return single_label_scores(targets, answers, self._labels, self._structure)
        if self._task == "multi_label":
            return multi_label_scores(targets, answers > 0, self._labels)
        return regression_scores(targets, answers[:, 0])

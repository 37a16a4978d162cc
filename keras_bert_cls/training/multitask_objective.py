"""What a model of several tasks minimises."""

from collections.abc import Mapping
from typing import NamedTuple

import keras
import tensorflow as tf

from keras_bert_cls.modeling.multitask import task_model
from keras_bert_cls.training.objectives import ENCODER_INPUTS, Objective, Tensors


class WeightedObjective(NamedTuple):
    """A task's objective and the factor of its losses."""

    objective: Objective
    weight: float = 1.0


class MultiTaskObjective(Objective):
    """Learns from batches of one task each, as `TaskBatches` makes them.

    The terms of task T are called T/TERM. In batches of other tasks all their weights are 0, so
    that they count nothing, and the head of T has a gradient of 0.

    Args:
      tasks: by name, in the order of the numbers in a batch's `task`.
    """

    def __init__(self, tasks: Mapping[str, WeightedObjective]):
        self._tasks = tasks
        more = {name: None for task in tasks.values() for name in task.objective.inputs}
        self.inputs = tuple(dict.fromkeys([*ENCODER_INPUTS, *more]))
        self.has_accuracy = any(task.objective.has_accuracy for task in tasks.values())

    def for_model(self, model: keras.Model) -> "MultiTaskObjective":
        return MultiTaskObjective(
            {
                name: WeightedObjective(objective.for_model(task_model(model, name)), weight)
                for name, (objective, weight) in self._tasks.items()
            }
        )

    def weights(self, batch: Tensors) -> Tensors:
        return {
            f"{name}/{term}": weight
            for name, task in self._tasks.items()
            for term, weight in task.objective.weights(self._batch_of(name, batch)).items()
        }

    def losses(self, outputs: Tensors, batch: Tensors) -> Tensors:
        found: Tensors = {}
        for name, (objective, weight) in self._tasks.items():
            losses = objective.losses(outputs[name], self._batch_of(name, batch))
            found |= {f"{name}/{term}": weight * loss for term, loss in losses.items()}
        return found

    def correct(self, outputs: Tensors, batch: Tensors) -> Tensors:
        found: Tensors = {}
        for name, (objective, _) in self._tasks.items():
            if objective.has_accuracy:
                hits = objective.correct(outputs[name], self._batch_of(name, batch))
                found |= {f"{name}/{term}": hit for term, hit in hits.items()}
        return found

    def accuracy_terms(self, batch: Tensors) -> list[str]:
        return [
            f"{name}/{term}"
            for name, (objective, _) in self._tasks.items()
            for term in objective.accuracy_terms(self._batch_of(name, batch))
        ]

    def _batch_of(self, name: str, batch: Tensors) -> Tensors:
        """Returns the batch as the task's own objective knows it."""
        own = f"{name}/"
        fields = {
            field.removeprefix(own): value
            for field, value in batch.items()
            if field.startswith(own)
        }
        is_drawn = tf.cast(batch["task"] == list(self._tasks).index(name), tf.float32)
        return {**batch, **fields, "sample_weight": batch["sample_weight"] * is_drawn}

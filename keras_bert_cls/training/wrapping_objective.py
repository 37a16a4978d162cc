"""What objectives that stand around another one have in common."""

import copy
from typing import Self

import keras

from keras_bert_cls.training.objectives import Objective, Tensors


class WrappingObjective(Objective):
    """Minimises what another objective does; subclasses change a part of it.

    Args:
      inner: the other objective.

    Attributes:
      inner: the other objective, for the model if this one is.
    """

    def __init__(self, inner: Objective):
        self.inputs, self.has_accuracy = inner.inputs, inner.has_accuracy
        self.inner = inner

    def for_model(self, model: keras.Model) -> Self:
        changed = copy.copy(self)
        changed.inner = self.inner.for_model(model)
        return changed

    def weights(self, batch: Tensors) -> Tensors:
        return self.inner.weights(batch)

    def losses(self, outputs: Tensors, batch: Tensors) -> Tensors:
        return self.inner.losses(outputs, batch)

    def correct(self, outputs: Tensors, batch: Tensors) -> Tensors:
        return self.inner.correct(outputs, batch)

    def accuracy_terms(self, batch: Tensors) -> list[str]:
        return self.inner.accuracy_terms(batch)

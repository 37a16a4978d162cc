"""Gradients of the loss of a piece of a batch."""

from collections.abc import Callable, Sequence
from typing import Any, Protocol

import tensorflow as tf

from keras_bert_cls.training.objectives import Tensors
from keras_bert_cls.training.row_gradients import Gradient

LossOf = Callable[[], tuple[tf.Tensor, Any]]


class Gradients(Protocol):
    """Computes the gradients of a loss.

    Args:
      loss_of: runs the model; returns what is differentiated, a scalar, and anything else. May be
        called more than once.
      variables: what the gradients are of.
      batch: the piece that `loss_of` runs the model on.

    Returns:
      A gradient of every variable, of a table that is only looked up as rows, and what `loss_of`
      returned beside the loss.
    """

    def __call__(
        self, loss_of: LossOf, variables: Sequence[tf.Variable], batch: Tensors
    ) -> tuple[list[Gradient], Any]: ...


def plain_gradients(
    loss_of: LossOf, variables: Sequence[tf.Variable], batch: Tensors
) -> tuple[list[Gradient], Any]:
    """The gradients of one pass; see `Gradients`."""
    with tf.GradientTape() as tape:
        loss, rest = loss_of()
    return tape_gradients(tape, loss, variables), rest


def tape_gradients(tape: tf.GradientTape, loss: tf.Tensor, sources: Sequence) -> list[Gradient]:
    """Returns the gradients as the tape has them, zeros where there are none."""
    return tape.gradient(loss, sources, unconnected_gradients=tf.UnconnectedGradients.ZERO)

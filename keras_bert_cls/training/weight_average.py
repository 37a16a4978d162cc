"""Averages of the weights over the updates of a run."""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

import keras
import numpy as np
import tensorflow as tf

Result = TypeVar("Result")


class WeightAverage:
    """Exponential moving averages of weights (Polyak and Juditsky 1992).

    They start at the weights. After update n they become decay * average + (1 - decay) * weight,
    with decay at most (1 + n) / (10 + n), as tf.train.ExponentialMovingAverage has it: a new
    head's random weights are soon forgotten.

    Args:
      variables: the weights; to be made in the strategy's scope.
      decay: in (0, 1).

    Attributes:
      state: the averages by the weights' paths, to be put into a checkpoint.
    """

    def __init__(self, variables: Sequence[keras.Variable], decay: float):
        self._variables, self._decay = list(variables), decay
        self.state = {
            variable.path: tf.Variable(variable.numpy(), trainable=False, name="average")
            for variable in self._variables
        }

    def update(self, number: tf.Tensor, only_if: tf.Tensor | None = None) -> None:
        """Moves the averages towards the weights; to be called in replica context.

        Args:
          number: int64 scalar, of the update that was made, from 1.
          only_if: bool scalar; False leaves everything as it is. None moves.
        """
        number = tf.cast(number, tf.float32)
        rate = 1 - tf.minimum(self._decay, (1 + number) / (10 + number))
        if only_if is not None:
            rate = tf.where(only_if, rate, 0.0)
        tf.distribute.get_replica_context().merge_call(self._update_all, args=(rate,))

    def _update_all(self, strategy, rate):
        for variable in self._variables:
            average = self.state[variable.path]
            strategy.extended.update(
                average, self._update_one, args=(variable.value, rate), group=False
            )

    @staticmethod
    def _update_one(average, weight, rate):
        average.assign_add(rate * (weight - average))

    def put_in_place(self) -> None:
        """Gives the weights the values of the averages."""
        for variable in self._variables:
            variable.value.assign(self.state[variable.path].numpy())

    @contextlib.contextmanager
    def in_place(self) -> Iterator[None]:
        """Gives the weights the values of the averages while the body runs."""
        own = [np.array(variable.numpy()) for variable in self._variables]
        self.put_in_place()
        try:
            yield
        finally:
            for variable, value in zip(self._variables, own, strict=True):
                variable.value.assign(value)

    def judged_by(self, evaluator: Callable[[], Result]) -> Callable[[], Result]:
        """Returns an evaluator that scores the averages in place of the weights."""

        def evaluate() -> Result:
            with self.in_place():
                return evaluator()

        return evaluate

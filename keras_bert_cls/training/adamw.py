"""AdamW with a rule for every weight."""

from collections.abc import Sequence

import keras
import tensorflow as tf

from keras_bert_cls.training.adam_step import AdamStep, change_all, change_rows
from keras_bert_cls.training.parameter_rules import ParameterRule
from keras_bert_cls.training.row_gradients import Gradient


class AdamW:
    """Adam with decoupled weight decay (Loshchilov and Hutter 2019, arXiv:1711.05101, algorithm 2).

    Equal to torch.optim.AdamW. Keras' adds epsilon to the root of the second moment before the
    correction of its bias, so there the same epsilon damps the first steps up to 30 times as much.

    Takes gradients that are already summed over the replicas, which is why it is no Keras
    optimizer: those sum by themselves, after clipping (see docs/architecture.md).

    Args:
      variables: the weights; frozen ones (rate multiple 0) are left out.
      rules: one for each weight, from `match_rules`.
      beta_1, beta_2, epsilon: of Adam.
      lazy: of a weight whose gradient is rows change only those; see `change_rows`.

    Attributes:
      variables: the weights that are not frozen.
      lazy: as given.
      state: the moments by the weights' paths, to be put into a checkpoint.
    """

    def __init__(
        self,
        variables: Sequence[keras.Variable],
        rules: Sequence[ParameterRule],
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-6,
        lazy: bool = False,
    ):
        chosen = [(v, r) for v, r in zip(variables, rules, strict=True) if r.learning_rate > 0]
        self.variables = [variable for variable, _ in chosen]
        self._rules = [rule for _, rule in chosen]
        self._beta_1, self._beta_2, self._epsilon = beta_1, beta_2, epsilon
        self.lazy = lazy

        def moments(name: str) -> dict[str, tf.Variable]:
            return {
                v.path: tf.Variable(tf.zeros(v.shape, v.dtype), trainable=False, name=name)
                for v in self.variables
            }

        self.state = {"first": moments("first_moment"), "second": moments("second_moment")}

    def apply(
        self,
        gradients: Sequence[Gradient],
        learning_rate: tf.Tensor,
        update: tf.Tensor,
        only_if: tf.Tensor | None = None,
    ) -> None:
        """Updates the weights; to be called in replica context.

        Args:
          gradients: one for each of `variables`, the same on every replica; of rows none twice.
          learning_rate: float32 scalar, before the rules' multiples.
          update: int64 scalar, the number of this update, from 1.
          only_if: bool scalar; False leaves everything as it is. None updates.

        Raises:
          ValueError: lazy, but there is no gradient of rows.
        """
        if self.lazy and not any(isinstance(each, tf.IndexedSlices) for each in gradients):
            raise ValueError("the optimizer is lazy, but no weight is only looked up by rows")
        context = tf.distribute.get_replica_context()
        context.merge_call(self._update_all, args=(list(gradients), learning_rate, update, only_if))

    def _update_all(self, strategy, gradients, learning_rate, update, only_if):
        for variable, rule, gradient in zip(self.variables, self._rules, gradients, strict=True):
            strategy.extended.update(
                variable.value,
                self._update_one,
                args=(
                    self.state["first"][variable.path],
                    self.state["second"][variable.path],
                    gradient,
                    learning_rate,
                    update,
                    only_if,
                    rule,
                ),
                group=False,
            )

    def _update_one(self, variable, first, second, gradient, rate, update, only_if, rule):
        def change():
            self._change(variable, first, second, gradient, rate, update, rule)
            return True

        if only_if is None:
            change()
        else:
            tf.cond(only_if, change, lambda: False)

    def _change(self, variable, first, second, gradient, learning_rate, update, rule):
        step = AdamStep(
            rate=learning_rate * rule.learning_rate,
            number=tf.cast(update, tf.float32),
            weight_decay=rule.weight_decay,
            beta_1=self._beta_1,
            beta_2=self._beta_2,
            epsilon=self._epsilon,
        )
        if isinstance(gradient, tf.IndexedSlices) and self.lazy:
            change_rows(step, variable, first, second, gradient)
        else:
            change_all(step, variable, first, second, tf.convert_to_tensor(gradient))

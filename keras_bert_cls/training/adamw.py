"""AdamW with a rule for every weight."""

from collections.abc import Sequence

import keras
import tensorflow as tf

from keras_bert_cls.training.parameter_rules import ParameterRule


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

    Attributes:
      state: the moments by the weights' paths, to be put into a checkpoint.
    """

    def __init__(
        self,
        variables: Sequence[keras.Variable],
        rules: Sequence[ParameterRule],
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-6,
    ):
        chosen = [(v, r) for v, r in zip(variables, rules, strict=True) if r.learning_rate > 0]
        self.variables = [variable for variable, _ in chosen]
        self._rules = [rule for _, rule in chosen]
        self._beta_1, self._beta_2, self._epsilon = beta_1, beta_2, epsilon

        def moments(name: str) -> dict[str, tf.Variable]:
            return {
                v.path: tf.Variable(tf.zeros(v.shape, v.dtype), trainable=False, name=name)
                for v in self.variables
            }

        self.state = {"first": moments("first_moment"), "second": moments("second_moment")}

    def apply(
        self,
        gradients: Sequence[tf.Tensor],
        learning_rate: tf.Tensor,
        update: tf.Tensor,
        only_if: tf.Tensor | None = None,
    ) -> None:
        """Updates the weights; to be called in replica context.

        Args:
          gradients: one for each of `variables`, the same on every replica.
          learning_rate: float32 scalar, before the rules' multiples.
          update: int64 scalar, the number of this update, from 1.
          only_if: bool scalar; False leaves everything as it is. None updates.
        """
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
        rate = learning_rate * rule.learning_rate
        if rule.weight_decay:
            # Assigning a product takes its buffer; subtracting it would read the weight once more.
            variable.assign(variable * (1 - rate * rule.weight_decay))
        exponent = tf.cast(update, tf.float32)
        beta_2_power = tf.pow(tf.constant(self._beta_2, tf.float32), exponent)
        # One fused kernel instead of a dozen operations over each weight.
        tf.raw_ops.ResourceApplyAdam(
            var=variable.handle,
            m=first.handle,
            v=second.handle,
            beta1_power=tf.pow(tf.constant(self._beta_1, tf.float32), exponent),
            beta2_power=beta_2_power,
            lr=rate,
            beta1=self._beta_1,
            beta2=self._beta_2,
            # The kernel adds it to the biased root; the paper, and PyTorch, to the unbiased one.
            epsilon=self._epsilon * tf.sqrt(1 - beta_2_power),
            grad=gradient,
            use_locking=False,
            use_nesterov=False,
        )

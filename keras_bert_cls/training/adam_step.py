"""One update of one weight by AdamW: of all of it, or of some rows."""

from typing import NamedTuple

import tensorflow as tf


class AdamStep(NamedTuple):
    """The numbers of an update.

    Attributes:
      rate: learning rate, float32 scalar.
      number: of the update, from 1, float32 scalar.
      weight_decay, beta_1, beta_2, epsilon: see AdamW.
    """

    rate: tf.Tensor
    number: tf.Tensor
    weight_decay: float
    beta_1: float
    beta_2: float
    epsilon: float

    @property
    def beta_powers(self) -> tuple[tf.Tensor, tf.Tensor]:
        """How much of both moments is still their first value, 0."""
        return (
            tf.pow(tf.constant(self.beta_1, tf.float32), self.number),
            tf.pow(tf.constant(self.beta_2, tf.float32), self.number),
        )

    @property
    def kernel_epsilon(self) -> tf.Tensor:
        """What is added to the biased root; the paper, and PyTorch, add to the unbiased one."""
        return self.epsilon * tf.sqrt(1 - self.beta_powers[1])


def change_all(
    step: AdamStep,
    weight: tf.Variable,
    first: tf.Variable,
    second: tf.Variable,
    gradient: tf.Tensor,
) -> None:
    """Updates a weight and its moments, all of the gradient's shape."""
    if step.weight_decay:
        # Assigning a product takes its buffer; subtracting it would read the weight once more.
        weight.assign(weight * (1 - step.rate * step.weight_decay))
    beta_1_power, beta_2_power = step.beta_powers
    # One fused kernel instead of a dozen operations over each weight.
    tf.raw_ops.ResourceApplyAdam(
        var=weight.handle,
        m=first.handle,
        v=second.handle,
        beta1_power=beta_1_power,
        beta2_power=beta_2_power,
        lr=step.rate,
        beta1=step.beta_1,
        beta2=step.beta_2,
        epsilon=step.kernel_epsilon,
        grad=gradient,
        use_locking=False,
        use_nesterov=False,
    )


def change_rows(
    step: AdamStep,
    weight: tf.Variable,
    first: tf.Variable,
    second: tf.Variable,
    gradient: tf.IndexedSlices,
) -> None:
    """Updates the rows of a weight that have a gradient other than 0, as `change_all` would.

    This is not AdamW: it would move the other rows on for as long as their first moment lasts, and
    decay them and their moments. To make up for that when a row is next read has no closed form
    (epsilon, the schedule), and would have to be done before the forward pass, for the rows of all
    replicas, and for the whole table at each evaluation and checkpoint. So here a row without a
    gradient stays as it is, as in torch.optim.SparseAdam. What counts is the gradient, not which
    tokens were there: padding changes nothing.

    Args:
      step: the numbers of the update; the moments' bias is corrected by the updates of all rows.
      weight, first, second: [rows, width].
      gradient: no row stands twice.
    """
    used = tf.where(tf.reduce_any(gradient.values != 0, axis=1))[:, 0]
    indices, rows = tf.gather(gradient.indices, used), tf.gather(gradient.values, used)
    beta_1_power, beta_2_power = step.beta_powers
    # In the order of the fused kernel, so that its results come out.
    rate = step.rate * tf.sqrt(1 - beta_2_power) / (1 - beta_1_power)
    means, squares, values = (
        tf.raw_ops.ResourceGather(resource=each.handle, indices=indices, dtype=each.dtype)
        for each in (first, second, weight)
    )
    means += (rows - means) * (1 - tf.constant(step.beta_1))
    squares += (tf.square(rows) - squares) * (1 - tf.constant(step.beta_2))
    values *= 1 - step.rate * step.weight_decay
    values -= means * rate / (tf.sqrt(squares) + step.kernel_epsilon)
    for variable, new in ((first, means), (second, squares), (weight, values)):
        tf.raw_ops.ResourceScatterUpdate(resource=variable.handle, indices=indices, updates=new)
        # Else each reading, as in the forward pass, would copy the whole table from now on.
        tf.raw_ops.DisableCopyOnRead(resource=variable.handle)

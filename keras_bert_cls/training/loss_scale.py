"""Dynamic loss scaling for float16 (Micikevicius et al. 2017, https://arxiv.org/abs/1710.03740)."""

import tensorflow as tf

_LOWEST = 1.0


class LossScale:
    """Keeps gradients in the range of float16.

    Args:
      enabled: False leaves losses and gradients as they are.
      initial: the first scale.
      growth_steps: updates without overflow after which the scale doubles.
    """

    def __init__(self, enabled: bool, initial: float = 2.0**15, growth_steps: int = 2000):
        self.enabled = enabled
        self._growth_steps = growth_steps
        self.scale = tf.Variable(initial if enabled else 1.0, trainable=False, dtype=tf.float32)
        self._good_steps = tf.Variable(0, trainable=False, dtype=tf.int64)
        self.state = {"scale": self.scale, "good_steps": self._good_steps}

    def at_minimum(self) -> tf.Tensor:
        """Returns whether the scale can't be lowered any more, bool scalar."""
        return self.scale <= _LOWEST

    def adjust(self, finite: tf.Tensor) -> None:
        """Halves the scale after an overflow, doubles it after a long time without."""
        if not self.enabled:
            return
        good = tf.where(finite, self._good_steps + 1, tf.constant(0, tf.int64))
        grow = good >= self._growth_steps
        factor = tf.where(finite, tf.where(grow, 2.0, 1.0), 0.5)
        self.scale.assign(tf.maximum(self.scale * factor, _LOWEST))
        self._good_steps.assign(tf.where(grow, tf.constant(0, tf.int64), good))

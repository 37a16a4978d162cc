"""Focal loss: what is right already counts less (Lin et al. 2017)."""

import tensorflow as tf

from keras_bert_cls.training.objectives import Objective, Tensors
from keras_bert_cls.training.wrapping_objective import WrappingObjective


class FocalObjective(WrappingObjective):
    """The losses of labels, each times (1 - p)^gamma (https://arxiv.org/abs/1708.02002).

    p is the probability that the model gives to what is right: by the softmax, or for multi-label
    by a sigmoid for each label. Logits may be log probabilities. The paper's alpha is a matter of
    class weights.

    Args:
      inner: cross entropies, one for each row or, for multi-label, for each row and label.
      task: "single_label" or "multi_label".
      gamma: how much less; 0 changes nothing.
    """

    def __init__(self, inner: Objective, task: str, gamma: float):
        super().__init__(inner)
        self._task, self._gamma = task, gamma

    def losses(self, outputs: Tensors, batch: Tensors) -> Tensors:
        wrong = self._log_wrong(outputs["logits"], batch["target"])
        factor = tf.exp(self._gamma * wrong)
        return {term: factor * loss for term, loss in self.inner.losses(outputs, batch).items()}

    def _log_wrong(self, logits: tf.Tensor, target: tf.Tensor) -> tf.Tensor:
        """Returns log(1 - p): unlike 1 - p it has a finite slope where p rounds to 1."""
        if self._task == "multi_label":
            return tf.math.log_sigmoid(tf.where(target > 0, -logits, logits))
        is_target = tf.one_hot(target, tf.shape(logits)[-1], on_value=True, off_value=False)
        others = tf.where(is_target, tf.constant(-float("inf")), tf.nn.log_softmax(logits))
        return tf.reduce_logsumexp(others, axis=-1)

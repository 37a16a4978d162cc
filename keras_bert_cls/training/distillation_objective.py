"""The soft loss: a student learns what its teacher says of each label."""

import tensorflow as tf

from keras_bert_cls.training.objectives import Objective, Tensors, hits, logit_divergences
from keras_bert_cls.training.wrapping_objective import WrappingObjective


class DistillationObjective(WrappingObjective):
    """Learns from labels and from a teacher (Hinton et al. 2015, https://arxiv.org/abs/1503.02531).

    The hard loss is that of another objective, over the rows that have a label. The soft loss is
    over all rows: temperature^2 * KL(teacher || student), both of logits / temperature, by softmax
    or for multi-label by a sigmoid each; for regression the squared distance to the teacher's
    value. Its gradient is as large at every temperature, and 0 where both say the same.

    Args:
      hard: what is learned from labels.
      task: "single_label", "multi_label" or "regression".
      weight: share of the soft loss; the hard one has the rest.
      temperature: of the soft loss; not looked at in regression.
    """

    def __init__(self, hard: Objective, task: str, weight: float, temperature: float):
        super().__init__(hard)
        self._task = task
        self._weight, self._temperature = weight, temperature

    def weights(self, batch: Tensors) -> Tensors:
        rows = batch["sample_weight"]
        labelled = {**batch, "sample_weight": rows * batch.get("labelled", 1.0)}
        found = self.inner.weights(labelled)
        if self._task == "multi_label":
            rows = rows[:, tf.newaxis] * tf.ones_like(batch["teacher_logits"])
        return {**found, "soft": rows}

    def losses(self, outputs: Tensors, batch: Tensors) -> Tensors:
        hard = self.inner.losses(outputs, batch)
        found = {term: (1 - self._weight) * loss for term, loss in hard.items()}
        return {**found, "soft": self._weight * self._soft_losses(outputs["logits"], batch)}

    def correct(self, outputs: Tensors, batch: Tensors) -> Tensors:
        choices = tf.argmax(batch["teacher_logits"], -1, tf.int32)
        agreement = hits(outputs["logits"], choices)
        return {**self.inner.correct(outputs, batch), "soft": agreement}

    def accuracy_terms(self, batch: Tensors) -> list[str]:
        terms = self.inner.accuracy_terms(batch)
        return [*terms, "soft"] if self.has_accuracy else terms

    def _soft_losses(self, logits: tf.Tensor, batch: Tensors) -> tf.Tensor:
        teacher = batch["teacher_logits"]
        if self._task == "regression":
            return logit_divergences(self._task, teacher, logits)
        logits, teacher = logits / self._temperature, teacher / self._temperature
        return self._temperature**2 * logit_divergences(self._task, teacher, logits)

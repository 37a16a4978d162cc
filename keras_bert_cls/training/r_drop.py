"""R-Drop: two passes that drop different units should say the same (Liang et al. 2021)."""

import keras
import tensorflow as tf

from keras_bert_cls.modeling.dropout import another_draw
from keras_bert_cls.training.objectives import Objective, Tensors, hits, logit_divergences
from keras_bert_cls.training.wrapping_objective import WrappingObjective

_SECOND = "second_pass"


class TwoPasses:
    """Runs a model twice, with independent dropout; RDropObjective compares the passes.

    Args:
      model: from a dict of inputs to a dict of outputs.
    """

    def __init__(self, model: keras.Model):
        self._model = model

    def __call__(self, inputs: Tensors, training: bool) -> dict:
        """Returns the outputs of the first pass, and with them those of the second."""
        first = self._model(inputs, training=training)
        with another_draw():
            second = self._model(inputs, training=training)
        return {**first, _SECOND: second}


class RDropObjective(WrappingObjective):
    """The mean loss of two passes, and how far they are apart (arXiv:2106.14448).

    The term `r_drop` is alpha * (KL(first || second) + KL(second || first)) / 2 over all rows, of
    the softmax, or for multi-label of a sigmoid for each label; for regression alpha times the
    squared distance. As the authors' code has it, the loss is the mean of the two passes', where
    the paper writes their sum: its alpha is twice this one.

    Args:
      inner: what each pass minimises.
      task: "single_label", "multi_label" or "regression".
      alpha: weight of the divergence.
    """

    def __init__(self, inner: Objective, task: str, alpha: float):
        super().__init__(inner)
        self._task, self._alpha = task, alpha

    def weights(self, batch: Tensors) -> Tensors:
        rows = batch["sample_weight"]
        if self._task == "multi_label":
            rows = rows[:, tf.newaxis] * tf.ones_like(batch["target"])
        return {**self.inner.weights(batch), "r_drop": rows}

    def losses(self, outputs: Tensors, batch: Tensors) -> Tensors:
        second = outputs[_SECOND]
        passes = [self.inner.losses(each, batch) for each in (outputs, second)]
        means = {term: (loss + passes[1][term]) / 2 for term, loss in passes[0].items()}
        one, other = outputs["logits"], second["logits"]
        apart = logit_divergences(self._task, one, other)
        apart += logit_divergences(self._task, other, one)
        return {**means, "r_drop": self._alpha / 2 * apart}

    def correct(self, outputs: Tensors, batch: Tensors) -> Tensors:
        choices = tf.argmax(outputs[_SECOND]["logits"], -1, tf.int32)
        agreement = hits(outputs["logits"], choices)
        return {**self.inner.correct(outputs, batch), "r_drop": agreement}

    def accuracy_terms(self, batch: Tensors) -> list[str]:
        terms = self.inner.accuracy_terms(batch)
        return [*terms, "r_drop"] if self.has_accuracy else terms

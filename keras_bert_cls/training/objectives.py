"""What is minimised: losses of each batch entry and their weights, per objective."""

import abc
import copy
from collections.abc import Sequence
from typing import Self, TypeVar

import keras
import tensorflow as tf

from keras_bert_cls.modeling.output_softmax import FullSoftmax, OutputSoftmax, softmax_of

Tensors = dict[str, tf.Tensor]

ENCODER_INPUTS = ("token_ids", "segment_ids", "padding_mask")


class Objective(abc.ABC):
    """A loss that is a sum of weighted means, one for each of its terms.

    Attributes:
      inputs: the model's inputs in a batch.
      has_accuracy: whether entries are right or wrong, so that `correct` can tell.
    """

    inputs: Sequence[str] = ENCODER_INPUTS
    has_accuracy = False

    def for_model(self, model: keras.Model) -> "Objective":
        """Returns the objective for the outputs of a model, whose softmax may be adaptive."""
        return self

    @abc.abstractmethod
    def weights(self, batch: Tensors) -> Tensors:
        """Returns the weights of the entries of every term, float32 of any shape, by term."""

    @abc.abstractmethod
    def losses(self, outputs: Tensors, batch: Tensors) -> Tensors:
        """Returns the losses of the entries of every term, float32 shaped as `weights`'s."""

    def correct(self, outputs: Tensors, batch: Tensors) -> Tensors:
        """Returns which entries were predicted right, float32 shaped as `weights`'s, by term."""
        raise NotImplementedError(f"{type(self).__name__} has no accuracy")

    def accuracy_terms(self, batch: Tensors) -> list[str]:
        """Returns the terms of which `correct` tells."""
        return list(self.weights(batch)) if self.has_accuracy else []


class MaskedLMObjective(Objective):
    """Predicts masked tokens, and the order of segment pairs where batches have them.

    Devlin et al. 2018, https://arxiv.org/abs/1810.04805.
    """

    inputs = (*ENCODER_INPUTS, "mask_positions")
    has_accuracy = True

    def __init__(self, softmax: OutputSoftmax | None = None):
        self._softmax = softmax or FullSoftmax()

    def for_model(self, model: keras.Model) -> Self:
        return _changed(self, _softmax=softmax_of(model))

    def weights(self, batch: Tensors) -> Tensors:
        found = {"masked": batch["mask_weights"]}
        if "pair_target" in batch:
            found["pair"] = batch["sample_weight"]
        return found

    def losses(self, outputs: Tensors, batch: Tensors) -> Tensors:
        found = {"masked": self._softmax.losses(outputs, batch["mask_labels"])}
        if "pair_target" in batch:
            found["pair"] = tf.nn.sparse_softmax_cross_entropy_with_logits(
                batch["pair_target"], outputs["pair_logits"]
            )
        return found

    def correct(self, outputs: Tensors, batch: Tensors) -> Tensors:
        right = self._softmax.predict(outputs) == batch["mask_labels"]
        found = {"masked": tf.cast(right, tf.float32)}
        if "pair_target" in batch:
            found["pair"] = hits(outputs["pair_logits"], batch["pair_target"])
        return found


class SingleLabelObjective(Objective):
    """Softmax cross entropy.

    Args:
      label_smoothing: share of the target spread over all labels.
      class_weights: a weight for each label; None for equal ones.
      softmax: of the model, see `for_model`; label smoothing needs all its logits.
    """

    has_accuracy = True

    def __init__(
        self,
        label_smoothing: float = 0.0,
        class_weights: Sequence[float] | None = None,
        softmax: OutputSoftmax | None = None,
    ):
        self._label_smoothing = label_smoothing
        self._class_weights = class_weights
        self._softmax = softmax or FullSoftmax()

    def for_model(self, model: keras.Model) -> Self:
        return _changed(self, _softmax=softmax_of(model))

    def weights(self, batch: Tensors) -> Tensors:
        weights = batch["sample_weight"]
        if self._class_weights is not None:
            table = tf.constant(self._class_weights, tf.float32)
            weights *= tf.gather(table, batch["target"])
        return {"label": weights}

    def losses(self, outputs: Tensors, batch: Tensors) -> Tensors:
        losses, smoothing = self._softmax.losses(outputs, batch["target"]), self._label_smoothing
        if smoothing:
            uniform = -tf.reduce_mean(tf.nn.log_softmax(outputs["logits"]), axis=-1)
            losses = (1 - smoothing) * losses + smoothing * uniform
        return {"label": losses}

    def correct(self, outputs: Tensors, batch: Tensors) -> Tensors:
        right = self._softmax.predict(outputs) == batch["target"]
        return {"label": tf.cast(right, tf.float32)}


class MultiLabelObjective(Objective):
    """A sigmoid cross entropy for each label; see SingleLabelObjective for the arguments."""

    def __init__(self, label_smoothing: float = 0.0, class_weights: Sequence[float] | None = None):
        self._label_smoothing = label_smoothing
        self._class_weights = class_weights

    def weights(self, batch: Tensors) -> Tensors:
        weights = batch["sample_weight"][:, tf.newaxis] * tf.ones_like(batch["target"])
        if self._class_weights is not None:
            weights *= tf.constant(self._class_weights, tf.float32)
        return {"label": weights}

    def losses(self, outputs: Tensors, batch: Tensors) -> Tensors:
        target = batch["target"] * (1 - self._label_smoothing) + 0.5 * self._label_smoothing
        return {"label": tf.nn.sigmoid_cross_entropy_with_logits(target, outputs["logits"])}


class RegressionObjective(Objective):
    """Squared error."""

    def weights(self, batch: Tensors) -> Tensors:
        return {"value": batch["sample_weight"]}

    def losses(self, outputs: Tensors, batch: Tensors) -> Tensors:
        return {"value": tf.square(outputs["logits"][:, 0] - batch["target"])}


_AnyObjective = TypeVar("_AnyObjective", bound=Objective)


def _changed(objective: _AnyObjective, **attributes: object) -> _AnyObjective:
    """Returns the same objective, of whatever subclass, with other attributes."""
    changed = copy.copy(objective)
    vars(changed).update(attributes)
    return changed


def plain_objective(task: str) -> Objective:
    """Returns what models of a task are judged by: no label smoothing, no class weights.

    Args:
      task: "masked_lm", "single_label", "multi_label" or "regression".
    """
    kinds: dict[str, type[Objective]] = {
        "masked_lm": MaskedLMObjective,
        "single_label": SingleLabelObjective,
        "multi_label": MultiLabelObjective,
        "regression": RegressionObjective,
    }
    return kinds[task]()


def logit_divergences(task: str, one: tf.Tensor, other: tf.Tensor) -> tf.Tensor:
    """Returns how far logits are apart.

    Args:
      task: what the logits are of.
      one, other: float32 [rows, labels].

    Returns:
      float32 [rows]: KL(one || other) of the softmax, or the squared distance for regression; for
      multi-label [rows, labels], of the yes and no of each.
    """
    if task == "regression":
        return tf.square(other[:, 0] - one[:, 0])
    if task == "multi_label":
        return _binary_divergences(one, other)
    return _divergences(tf.nn.log_softmax(one), tf.nn.log_softmax(other))


def _divergences(teacher: tf.Tensor, student: tf.Tensor) -> tf.Tensor:
    """Returns KL(teacher || student) of log probabilities along the last axis."""
    return tf.reduce_sum(tf.exp(teacher) * (teacher - student), axis=-1)


def _binary_divergences(teacher: tf.Tensor, student: tf.Tensor) -> tf.Tensor:
    """Returns KL(teacher || student) of the yes and no that each logit stands for."""

    def log_probabilities(logits: tf.Tensor) -> tf.Tensor:
        return tf.math.log_sigmoid(tf.stack([logits, -logits], axis=-1))

    return _divergences(log_probabilities(teacher), log_probabilities(student))


def hits(logits: tf.Tensor, targets: tf.Tensor) -> tf.Tensor:
    """Returns 1.0 where the highest logit is that of the target, else 0.0."""
    return tf.cast(tf.argmax(logits, -1, tf.int32) == targets, tf.float32)

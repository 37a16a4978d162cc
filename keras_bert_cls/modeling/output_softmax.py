"""The softmax at the end of a model: what is asked of it, without the scores of all labels."""

import abc
from collections.abc import Mapping
from typing import TYPE_CHECKING

import tensorflow as tf

from keras_bert_cls.modeling.adaptive_softmax import AdaptiveSoftmax, TopLabels

if TYPE_CHECKING:
    import keras

Outputs = Mapping[str, tf.Tensor]


class OutputSoftmax(abc.ABC):
    """Reads the outputs of a model; entries are the rows of a classifier, the masks of a masked LM.

    A model puts out `logits` in any case, [..., labels]. Graphs compute them only where something
    reads them, and of an adaptive softmax nothing does that is asked here.
    """

    @abc.abstractmethod
    def losses(self, outputs: Outputs, target: tf.Tensor) -> tf.Tensor:
        """Returns the negative log-probability of each target, int [...]: float32 [...]."""

    @abc.abstractmethod
    def predict(self, outputs: Outputs) -> tf.Tensor:
        """Returns the most probable label of each entry, int32 [...]."""

    @abc.abstractmethod
    def top_k(self, outputs: Outputs, k: int) -> TopLabels:
        """Returns the k most probable labels of each entry; k is at most the labels."""


class FullSoftmax(OutputSoftmax):
    """Of a model that computes all logits; they are read in float32."""

    def losses(self, outputs: Outputs, target: tf.Tensor) -> tf.Tensor:
        return tf.nn.sparse_softmax_cross_entropy_with_logits(target, _logits(outputs))

    def predict(self, outputs: Outputs) -> tf.Tensor:
        return tf.argmax(outputs["logits"], -1, tf.int32)

    def top_k(self, outputs: Outputs, k: int) -> TopLabels:
        scores, labels = tf.math.top_k(tf.nn.softmax(_logits(outputs)), k)
        return TopLabels(labels, scores)


class AdaptiveOutput(OutputSoftmax):
    """Of a model that ends with an AdaptiveSoftmax, and puts out its input as `head_input`.

    Args:
      layer: the model's.
    """

    def __init__(self, layer: AdaptiveSoftmax):
        self.layer = layer

    def losses(self, outputs: Outputs, target: tf.Tensor) -> tf.Tensor:
        return self.layer.loss(outputs["head_input"], target)

    def predict(self, outputs: Outputs) -> tf.Tensor:
        return self.layer.predict(outputs["head_input"])

    def top_k(self, outputs: Outputs, k: int) -> TopLabels:
        return self.layer.top_k(outputs["head_input"], k)


def softmax_of(model: "keras.Model") -> OutputSoftmax:
    """Returns the softmax of a classifier or a masked LM."""
    layer = adaptive_layer(model)
    return FullSoftmax() if layer is None else AdaptiveOutput(layer)


def adaptive_layer(model: "keras.Model") -> AdaptiveSoftmax | None:
    """Returns the adaptive softmax that a model, or what is called like one, ends with, if any."""
    layers = getattr(model, "layers", ())
    found = [layer for layer in layers if isinstance(layer, AdaptiveSoftmax)]
    return found[0] if found and "head_input" in model.output else None


def computed_logits(model: "keras.Model") -> int:
    """Returns how many logits a model computes for every entry; those of clusters are left out."""
    layer = adaptive_layer(model)
    if layer is None:
        return model.output["logits"].shape[-1]
    return layer.cutoffs[0] + len(layer.sizes)


def _logits(outputs: Outputs) -> tf.Tensor:
    return tf.cast(outputs["logits"], tf.float32)

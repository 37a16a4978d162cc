"""The weights of an adaptive softmax, and the products of hidden states with them."""

from typing import TYPE_CHECKING, Any

import numpy as np
import tensorflow as tf

from keras_bert_cls.errors import UserError

# A mix-in that does not import Keras: whoever did so first would run `modeling/layers.py`, which
# registers the layer made of it, before the mix-in is there.
if TYPE_CHECKING:
    from keras.layers import Layer
else:
    Layer = object


class AdaptiveWeights(Layer):
    """A matrix for the head, two for each cluster, and the order of the labels.

    Ranks count labels from the most frequent one, clusters count from 1; 0 is the shortlist.

    Attributes:
      num_classes, cutoffs, settings: of AdaptiveSoftmax.
      sizes: labels of each cluster.
      order: the labels from the most to the least frequent, or None.
      head: [shortlist + clusters, hidden].
      bias: [shortlist + clusters] or None.
      projections, tails: of each cluster, [width, hidden] and [labels, width].
      input_projections: of each cluster, [width, hidden]; none unless `tied_projections` is False.
      label_order, label_ranks: int32 [num_classes] or None: the label of each rank, the rank of
        each label.
    """

    num_classes: int
    cutoffs: tuple[int, ...]
    sizes: list[int]
    settings: dict[str, Any]
    order: np.ndarray | None

    def initializer_for(self, width: int):
        """Returns what initializes a matrix [any, width]."""
        raise NotImplementedError

    def build(self, hidden_shape):
        hidden_dim = hidden_shape[-1]
        widths = self._widths(hidden_dim)
        head_size = self.cutoffs[0] + len(self.sizes)
        self.head = self._add_matrix("head", head_size, hidden_dim)
        self.bias = None
        if self.settings["head_bias"]:
            self.bias = self.add_weight(name="head_bias", shape=(head_size,), initializer="zeros")
        self.projections, self.tails, self.input_projections = [], [], []
        for number, (size, width) in enumerate(zip(self.sizes, widths, strict=True), start=1):
            self.projections.append(self._add_matrix(f"projection_{number}", width, hidden_dim))
            self.tails.append(self._add_matrix(f"tail_{number}", size, width))
            if self.settings["tied_projections"] is False:
                name = f"input_projection_{number}"
                self.input_projections.append(self._add_matrix(name, width, hidden_dim))
        self.label_order = self.label_ranks = None
        if self.order is not None:
            self.label_order = self._add_table("label_order", self.order)
            self.label_ranks = self._add_table("label_ranks", np.argsort(self.order))

    def _widths(self, hidden_dim: int) -> list[int]:
        div_value = self.settings["div_value"]
        widths = [int(hidden_dim // div_value**number) for number in range(1, len(self.sizes) + 1)]
        if not all(widths):
            raise UserError(
                f"every cluster needs a width of at least 1; hidden states of {hidden_dim} and "
                f"div_value {div_value} give {widths}. Take fewer cutoffs or a smaller div_value."
            )
        return widths

    def _add_matrix(self, name: str, rows: int, width: int):
        initializer = self.initializer_for(width)
        return self.add_weight(name=name, shape=(rows, width), initializer=initializer)

    def _add_table(self, name: str, values: np.ndarray):
        return self.add_weight(
            name=name,
            shape=(self.num_classes,),
            dtype="int32",
            initializer=lambda shape, dtype: tf.constant(values, dtype),
            trainable=False,
        )

    @property
    def exact_dtype(self) -> str:
        """The dtype of logits and of what follows from them."""
        return "float64" if self.compute_dtype == "float64" else "float32"

    def rows(self, hidden) -> tf.Tensor:
        """Returns hidden states [..., hidden] as [n, hidden] in the compute dtype."""
        hidden = tf.cast(hidden, self.compute_dtype)
        if not self.built:
            self.build(hidden.shape)
        return tf.reshape(hidden, [-1, hidden.shape[-1]])

    def ranks(self, labels: tf.Tensor) -> tf.Tensor:
        """Returns the ranks of labels, int32 [n]; fails where one is no label."""
        valid = tf.reduce_all((labels >= 0) & (labels < self.num_classes))
        message = f"labels must be in [0, {self.num_classes}), received from and to:"
        found = [message, tf.reduce_min(labels), tf.reduce_max(labels)]
        with tf.control_dependencies([tf.debugging.Assert(valid, found)]):
            labels = tf.identity(labels)
        if self.label_ranks is None:
            return labels
        return tf.gather(tf.convert_to_tensor(self.label_ranks), labels)

    def clusters(self, ranks: tf.Tensor) -> tf.Tensor:
        """Returns the cluster of each rank, int32 [n]."""
        return tf.searchsorted(tf.constant(self.cutoffs), ranks, side="right")

    def weight(self, variable) -> tf.Tensor:
        """Returns a weight in the compute dtype; only `call` runs under Keras' autocasting."""
        return tf.cast(variable, self.compute_dtype)

    def head_logits(self, rows: tf.Tensor) -> tf.Tensor:
        """Returns [n, shortlist + clusters] for [n, hidden]."""
        logits = tf.matmul(rows, self.weight(self.head), transpose_b=True)
        logits = tf.cast(logits, self.exact_dtype)
        return logits if self.bias is None else logits + tf.cast(self.bias, self.exact_dtype)

    def tail_logits(self, number: int, rows: tf.Tensor) -> tf.Tensor:
        """Returns [n, labels of the cluster] for [n, hidden]."""
        projection, tail = self.projections[number - 1], self.tails[number - 1]
        narrow = tf.matmul(rows, self.weight(projection), transpose_b=True)
        logits = tf.matmul(narrow, self.weight(tail), transpose_b=True)
        return tf.cast(logits, self.exact_dtype)

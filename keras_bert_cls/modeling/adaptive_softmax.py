"""A softmax over many labels that costs little where few of them are frequent."""

import itertools
import math
from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

import keras
import numpy as np
import tensorflow as tf

from keras_bert_cls.errors import UserError
from keras_bert_cls.modeling.adaptive_cutoffs import (
    AdaptiveShape,
    adaptive_cutoffs,
    checked_cutoffs,
    checked_order,
    frequency_order,
)
from keras_bert_cls.modeling.adaptive_search import best_of_shortlist, merge_tail
from keras_bert_cls.modeling.adaptive_weights import AdaptiveWeights


class TopLabels(NamedTuple):
    """The most probable labels, best first.

    Attributes:
      labels: int32 [..., k].
      probabilities: float32 [..., k].
    """

    labels: tf.Tensor
    probabilities: tf.Tensor


@keras.saving.register_keras_serializable("keras_bert_cls")
class AdaptiveSoftmax(AdaptiveWeights, keras.layers.Layer):
    """Adaptive softmax (Grave et al. 2017, https://arxiv.org/abs/1609.04309).

    The most frequent labels are the shortlist, the others lie in clusters. The head, a softmax over
    the shortlist and the clusters, is computed for every row. The labels of a cluster have a
    softmax of their own, on hidden states projected into less width, and training computes it for
    the rows only whose target lies in it. With the same weights, which have the same shapes, the
    numbers are those of torch.nn.AdaptiveLogSoftmaxWithLoss.

    Targets and answers are labels as the caller counts them; `label_order` says how frequent they
    are. `loss`, `predict` and `top_k` make no tensor of [rows, num_classes]; `log_prob` and `call`
    without targets do. Logits and what follows from them are float32 under mixed precision too,
    float64 in a float64 layer. XLA computes every cluster for all rows, as it must know the sizes
    before: leave `jit_compile` off.

    Args:
      num_classes: labels.
      cutoffs: increasing ranks in [1, num_classes) at which the shortlist and each cluster but the
        last end; see `adaptive_cutoffs`.
      div_value: cluster i = 1, 2... is projected into the width hidden // div_value**i.
      head_bias: whether the head has a bias.
      label_order: the labels from the most to the least frequent; None if that is 0, 1, 2... It is
        kept with the weights; "loaded" says that it will come with them.
      tied_projections: whether `embed` uses the projections of the output, transposed, or others of
        its own; None for a layer without `embed`.
      kernel_initializer: of all matrices; None is uniform within 1/sqrt(width), as in torch.

    Raises:
      UserError: the cutoffs or the order do not fit num_classes; when it is built, a cluster has no
        width left.
    """

    def __init__(
        self,
        num_classes: int,
        cutoffs: Sequence[int],
        div_value: float = 4.0,
        head_bias: bool = False,
        *,
        label_order: Sequence[int] | np.ndarray | Literal["loaded"] | None = None,
        tied_projections: bool | None = None,
        kernel_initializer: Any = None,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.num_classes = num_classes
        self.cutoffs = checked_cutoffs(num_classes, cutoffs)
        if not div_value > 0:
            raise UserError(f"div_value must be over 0, got {div_value}")
        self.sizes = [b - a for a, b in itertools.pairwise([*self.cutoffs, num_classes])]
        self.settings = {
            "num_classes": num_classes,
            "cutoffs": list(self.cutoffs),
            "div_value": div_value,
            "head_bias": head_bias,
            "label_order": None if label_order is None else "loaded",
            "tied_projections": tied_projections,
        }
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.order = None
        if isinstance(label_order, str) and label_order == "loaded":
            self.order = np.arange(num_classes, dtype=np.int32)
        elif label_order is not None:
            self.order = checked_order(num_classes, label_order)

    @classmethod
    def from_counts(
        cls,
        counts: Sequence[int] | np.ndarray,
        hidden_dim: int,
        div_value: float = 4.0,
        num_clusters: int = 3,
        **kwargs,
    ) -> "AdaptiveSoftmax":
        """Returns a layer with the order and the cutoffs that suit how often labels occur.

        Args:
          counts: of each label in the training data.
          hidden_dim, div_value, num_clusters: see `adaptive_cutoffs`.
          **kwargs: of the layer.
        """
        cutoffs = adaptive_cutoffs(counts, hidden_dim, div_value, num_clusters)
        order = frequency_order(counts)
        return cls(len(order), cutoffs, div_value, label_order=order, **kwargs)

    def shape(self) -> AdaptiveShape:
        """Returns the sizes and the order of a built layer."""
        if self.label_order is None:
            order = np.arange(self.num_classes, dtype=np.int32)
        else:
            order = self.label_order.numpy()
        return AdaptiveShape(self.cutoffs, self.settings["div_value"], order)

    def call(self, hidden, target=None):
        """Returns `log_prob(hidden)`, or with targets their log-probabilities, float32 [...]."""
        return self.log_prob(hidden) if target is None else -self.loss(hidden, target)

    def compute_output_spec(self, hidden, target=None):
        shape = (*hidden.shape[:-1], self.num_classes) if target is None else target.shape
        return keras.KerasTensor(shape, dtype=self.exact_dtype)

    def loss(self, hidden, target) -> tf.Tensor:
        """Returns the negative log-probability of each target.

        Args:
          hidden: float [..., hidden].
          target: labels, int [...], in [0, num_classes).

        Returns:
          float32 [...].

        Raises:
          tf.errors.InvalidArgumentError: a target is no label.
        """
        rows, target = self.rows(hidden), tf.cast(target, tf.int32)
        ranks = self.ranks(tf.reshape(target, [-1]))
        cluster = self.clusters(ranks)
        in_head = tf.where(cluster == 0, ranks, self.cutoffs[0] - 1 + cluster)
        losses = _cross_entropy(in_head, self.head_logits(rows))
        # Gradients of partitions and stitches are stitches and gathers, nothing has to be summed.
        parts = 1 + len(self.sizes)
        places = tf.dynamic_partition(tf.range(tf.size(ranks)), cluster, parts)
        row_parts = tf.dynamic_partition(rows, cluster, parts)
        rank_parts = tf.dynamic_partition(ranks, cluster, parts)
        within = [tf.zeros(tf.shape(places[0]), losses.dtype)]
        for number, first_rank in enumerate(self.cutoffs, start=1):
            logits = self.tail_logits(number, row_parts[number])
            within.append(_cross_entropy(rank_parts[number] - first_rank, logits))
        return tf.reshape(losses + tf.dynamic_stitch(places, within), tf.shape(target))

    def log_prob(self, hidden) -> tf.Tensor:
        """Returns the log-probabilities of all labels, float32 [..., num_classes].

        Args:
          hidden: float [..., hidden].
        """
        rows = self.rows(hidden)
        head = tf.nn.log_softmax(self.head_logits(rows))
        found = [head[:, : self.cutoffs[0]]]
        for number in range(1, 1 + len(self.sizes)):
            gate = head[:, self.cutoffs[0] + number - 1, tf.newaxis]
            found.append(gate + tf.nn.log_softmax(self.tail_logits(number, rows)))
        by_rank = tf.concat(found, axis=1)
        if self.label_ranks is not None:
            by_rank = tf.gather(by_rank, tf.convert_to_tensor(self.label_ranks), axis=1)
        return tf.reshape(by_rank, self._shape(hidden, self.num_classes))

    def predict(self, hidden) -> tf.Tensor:
        """Returns the most probable label, int32 [...], for hidden [..., hidden].

        Of equally probable ones it is the one that comes first in `label_order`.
        """
        return self.top_k(hidden, 1).labels[..., 0]

    def top_k(self, hidden, k: int) -> TopLabels:
        """Returns the k most probable labels.

        They are exact, though a cluster is computed only for the rows where it is more probable
        than the best k labels found so far, which no label in it could be otherwise.

        Args:
          hidden: float [..., hidden].
          k: at most num_classes.
        """
        if not 1 <= k <= self.num_classes:
            raise UserError(f"k must be from 1 to num_classes = {self.num_classes}, got {k}")
        rows = self.rows(hidden)
        head = tf.nn.log_softmax(self.head_logits(rows))
        best = best_of_shortlist(head[:, : self.cutoffs[0]], k)
        for number, first_rank in enumerate(self.cutoffs, start=1):
            gate = head[:, self.cutoffs[0] + number - 1]

            def scores(chosen, number=number):
                return tf.nn.log_softmax(self.tail_logits(number, chosen))

            best = merge_tail(best, rows, gate, scores, first_rank, self.sizes[number - 1])
        labels = best.ranks
        if self.label_order is not None:
            labels = tf.gather(tf.convert_to_tensor(self.label_order), labels)
        shape = self._shape(hidden, k)
        return TopLabels(tf.reshape(labels, shape), tf.reshape(tf.exp(best.scores), shape))

    def embed(self, labels) -> tf.Tensor:
        """Returns input vectors of labels, made from the weights of the output.

        Adaptive input representations (Baevski and Auli 2019, https://arxiv.org/abs/1809.10853): a
        row of the head, or a row of a tail projected into the width of the hidden states.

        Args:
          labels: int [...].

        Returns:
          [..., hidden] in the layer's compute dtype.
        """
        tied = self.settings["tied_projections"]
        if tied is None or not self.built:
            raise UserError(
                "embed needs a layer made with tied_projections=True or False, and built: call "
                "build((None, hidden_dim)) first"
            )
        labels = tf.cast(labels, tf.int32)
        ranks = self.ranks(tf.reshape(labels, [-1]))
        cluster = self.clusters(ranks)
        parts = 1 + len(self.sizes)
        places = tf.dynamic_partition(tf.range(tf.size(ranks)), cluster, parts)
        rank_parts = tf.dynamic_partition(ranks, cluster, parts)
        vectors = [tf.gather(self.weight(self.head), rank_parts[0])]
        projections = self.projections if tied else self.input_projections
        for number, first_rank in enumerate(self.cutoffs, start=1):
            tail = self.weight(self.tails[number - 1])
            narrow = tf.gather(tail, rank_parts[number] - first_rank)
            vectors.append(tf.matmul(narrow, self.weight(projections[number - 1])))
        flat = tf.dynamic_stitch(places, vectors)
        return tf.reshape(flat, tf.concat([tf.shape(labels), [self.head.shape[1]]], axis=0))

    def initializer_for(self, width: int):
        limit = 1 / math.sqrt(width)
        return self.kernel_initializer or keras.initializers.RandomUniform(-limit, limit)

    def get_config(self):
        initializer = self.kernel_initializer
        serialized = initializer and keras.initializers.serialize(initializer)
        return {**super().get_config(), **self.settings, "kernel_initializer": serialized}

    @staticmethod
    def _shape(hidden, size: int) -> tf.Tensor:
        return tf.concat([tf.shape(hidden)[:-1], [size]], axis=0)


def _cross_entropy(target: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
    return tf.nn.sparse_softmax_cross_entropy_with_logits(labels=target, logits=logits)

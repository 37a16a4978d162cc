"""A classification head for labels that are the leaves of a tree."""

from collections.abc import Sequence

import keras
import numpy as np
import tensorflow as tf

from keras_bert_cls.data.label_tree import LabelTree
from keras_bert_cls.modeling.head_settings import HeadSettings


def hierarchical_head(
    hidden: keras.KerasTensor,
    num_labels: int,
    settings: HeadSettings,
    initializer: keras.Initializer,
) -> keras.KerasTensor:
    """Returns the log-probabilities of the leaves, float32 [batch, num_labels].

    A dense layer on hidden states [batch, hidden] gives a logit for each node of `settings.tree`;
    see `PathLogProbabilities` for the rest.
    """
    tree = settings.tree
    if tree is None or len(tree.leaves) != num_labels:
        raise ValueError(f"a hierarchical head needs a tree with {num_labels} leaves, got {tree}")
    dense = keras.layers.Dense(
        len(tree.parents),
        kernel_initializer=initializer,
        dtype="float32",
        name=f"{settings.prefix}node_logits",
    )
    along_paths = PathLogProbabilities(tree.parents, tree.leaves, name=f"{settings.prefix}logits")
    return along_paths(dense(hidden))


@keras.saving.register_keras_serializable("keras_bert_cls")
class PathLogProbabilities(keras.layers.Layer):
    """Log-probabilities of the leaves of a tree, by a softmax among siblings at every node.

    The conditional probabilities on the path to a leaf are multiplied (Morin and Bengio 2005;
    Redmon and Farhadi 2017, https://arxiv.org/abs/1612.08242, section 4). So the probabilities of
    all leaves sum to 1, those below a node sum to the node's own, and the cross entropy of a leaf
    is the sum of the cross entropies on its path.

    Args:
      parents: of each node its parent, -1 at the first level; level by level, siblings together.
      leaves: the node of each label.

    Call arguments:
      logits: float [batch, nodes].

    Returns:
      float32 [batch, labels]; float64 in a float64 layer.
    """

    def __init__(self, parents: Sequence[int], leaves: Sequence[int], **kwargs):
        super().__init__(**{"dtype": "float32", **kwargs})
        self.parents, self.leaves = list(parents), list(leaves)

    def call(self, logits):
        # Nodes first: siblings are segments of rows, and levels are slices.
        conditional = _log_softmax_among_siblings(tf.transpose(logits), self.parents)
        total = conditional[:0]
        for level in LabelTree((), tuple(self.parents), ()).levels:
            below = conditional[level.start : level.stop]
            if level.start:
                below += tf.gather(total, self.parents[level.start : level.stop])
            total = tf.concat([total, below], axis=0)
        return tf.transpose(tf.gather(total, self.leaves))

    def compute_output_spec(self, logits):
        return keras.KerasTensor((*logits.shape[:-1], len(self.leaves)), dtype=self.compute_dtype)

    def get_config(self):
        return {**super().get_config(), "parents": self.parents, "leaves": self.leaves}


def _log_softmax_among_siblings(logits: tf.Tensor, parents: Sequence[int]) -> tf.Tensor:
    """Returns log P(node | parent), [nodes, batch], of logits [nodes, batch]."""
    inner, group = np.unique(parents, return_inverse=True)
    highest = tf.stop_gradient(tf.math.unsorted_segment_max(logits, group, len(inner)))
    shifted = logits - tf.gather(highest, group)
    sums = tf.math.unsorted_segment_sum(tf.exp(shifted), group, len(inner))
    return shifted - tf.gather(tf.math.log(sums), group)

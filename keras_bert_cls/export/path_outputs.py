"""The outputs of labels that are paths: where in the tree a text goes, level by level."""

from collections.abc import Mapping

import numpy as np
import tensorflow as tf

from keras_bert_cls.data.label_tree import LabelTree
from keras_bert_cls.export.string_function import Outputs
from keras_bert_cls.modeling.trained_model import TrainedModel

_TOLERANCE = 1e-5


def path_outputs(probabilities: tf.Tensor, tree: LabelTree) -> Outputs:
    """Goes down the tree, at each node to the child with the highest probability.

    A node's probability is the sum over the labels below it.

    Args:
      probabilities: of the labels, float32 [n, labels].
      tree: of the labels.

    Returns:
      path_labels: the nodes that were gone through, string [n, levels], "" after a leaf;
      path_scores: their probabilities, float32 [n, levels], 0 there.
    """
    paths = np.array(tree.paths)
    label, level = np.nonzero(paths >= 0)
    below = tf.gather(tf.transpose(probabilities), label)
    masses = tf.math.unsorted_segment_sum(below, paths[label, level], len(tree.names))
    # One node more stands for none.
    masses = tf.pad(tf.transpose(masses), [[0, 0], [0, 1]])
    none, parents = len(tree.names), np.array(tree.parents)
    node = tf.fill([tf.shape(probabilities)[0]], np.int64(-1))
    path = []
    for nodes in tree.levels:
        is_child = parents[nodes.start : nodes.stop] == node[:, tf.newaxis]
        best = tf.argmax(tf.where(is_child, masses[:, nodes.start : nodes.stop], -1), axis=1)
        node = tf.where(tf.reduce_any(is_child, axis=1), best + nodes.start, none)
        path.append(node)
    nodes_of_rows = tf.stack(path, axis=1)
    return {
        "path_labels": tf.gather(tf.constant((*tree.names, ""), tf.string), nodes_of_rows),
        "path_scores": tf.gather(masses, nodes_of_rows, batch_dims=1),
    }


def path_problem(trained: TrainedModel, answer: Mapping[str, np.ndarray]) -> str:
    """Compares the path of an answer with its own probabilities.

    Args:
      trained: the model.
      answer: the outputs of one signature.

    Returns:
      What is wrong; "" for right answers, and for models whose labels are no paths.
    """
    tree = trained.settings.label_structure.tree(trained.settings.labels)
    if tree is None or "label" not in answer:
        return ""
    paths = np.array(tree.paths)
    below = np.zeros((len(tree.leaves), len(tree.names)))
    label, level = np.nonzero(paths >= 0)
    below[label, paths[label, level]] = 1
    masses = answer["probabilities"].astype(np.float64) @ below
    for row, mass in enumerate(masses):
        parent = -1
        for name, score in zip(answer["path_labels"][row], answer["path_scores"][row], strict=True):
            children = np.flatnonzero(np.array(tree.parents) == parent)
            if not children.size:
                parent = len(tree.names)  # which has no children either
                if name == b"" and score == 0:
                    continue
                return f"the path of row {row} goes on below a leaf to {name!r}."
            node = tree.names.index(name.decode()) if name.decode() in tree.names else -1
            if node not in children or mass[node] < mass[children].max() - _TOLERANCE:
                best = tree.names[children[mass[children].argmax()]]
                return f"the path of row {row} goes to {name!r}, expected {best!r}."
            if abs(score - mass[node]) > _TOLERANCE:
                return f"the score of {name!r} in row {row} is {score:g}, expected {mass[node]:g}."
            parent = node
    return ""

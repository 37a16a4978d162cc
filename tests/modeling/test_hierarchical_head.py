"""The softmax along a tree, against float64 numpy that multiplies node by node."""

import hypothesis
import hypothesis.strategies as st
import keras
import numpy as np
import pytest
import tensorflow as tf
from random_trees import trees
from small_encoders import predict, random_inputs, randomize, small_config

from keras_bert_cls.data.label_tree import LabelTree
from keras_bert_cls.modeling.head_settings import HeadSettings
from keras_bert_cls.modeling.hierarchical_head import PathLogProbabilities
from keras_bert_cls.modeling.models import classifier_model
from keras_bert_cls.training.objectives import SingleLabelObjective

LABELS = ("animal/cat", "animal/dog", "place/city/big", "place/city/small", "place/sea", "time")
TREE = LabelTree.from_labels(LABELS, "/")


def conditional(tree, logits):
    """P(node | parent), float64 [batch, nodes]."""
    exponentials = np.exp(logits)
    parents = np.array(tree.parents)
    sums = [exponentials[:, parents == parent].sum(axis=1) for parent in parents]
    return exponentials / np.stack(sums, axis=1)


def reference(tree, logits):
    """P(node), float64 [batch, nodes]: all on the path to it multiplied."""
    found = conditional(tree, logits)
    for node, parent in enumerate(tree.parents):
        if parent >= 0:
            found[:, node] *= found[:, parent]
    return found


@hypothesis.given(trees(), st.integers(0, 2**32 - 1))
@hypothesis.settings(max_examples=60, deadline=None)
def test_leaves_sum_to_one_and_to_the_mass_of_every_inner_node(tree, seed):
    logits = np.random.default_rng(seed).normal(0, 3, (3, len(tree.parents)))
    layer = PathLogProbabilities(tree.parents, tree.leaves, dtype="float64")
    leaves = np.exp(layer(logits).numpy())
    nodes = reference(tree, logits)
    np.testing.assert_allclose(leaves, nodes[:, tree.leaves], rtol=1e-12)
    np.testing.assert_allclose(leaves.sum(axis=1), 1, rtol=1e-12)
    for node in range(len(tree.parents)):
        below = (np.array(tree.paths) == node).any(axis=1)
        np.testing.assert_allclose(leaves[:, below].sum(axis=1), nodes[:, node], rtol=1e-12)


def test_the_cross_entropy_is_the_sum_of_those_on_the_path():
    random = np.random.default_rng(3)
    logits = tf.constant(random.normal(0, 2, (6, len(TREE.parents))), tf.float32)
    target = np.arange(6, dtype=np.int32)
    batch = {"target": tf.constant(target), "sample_weight": tf.ones(6)}
    layer = PathLogProbabilities(TREE.parents, TREE.leaves)
    with tf.GradientTape() as tape:
        tape.watch(logits)
        losses = SingleLabelObjective().losses({"logits": layer(logits)}, batch)["label"]
    gradient = tape.gradient(losses, logits).numpy()
    on_path = conditional(TREE, logits.numpy().astype(np.float64))
    expected = [
        -sum(np.log(on_path[row, node]) for node in path if node >= 0)
        for row, path in enumerate(np.array(TREE.paths)[target])
    ]
    np.testing.assert_allclose(losses, expected, rtol=1e-5)
    # Of softmax cross entropies: P(node | parent) - 1 on the path, P(node | parent) for its
    # siblings there, and nothing elsewhere.
    parents = np.array(TREE.parents)
    for row, path in enumerate(np.array(TREE.paths)[target]):
        met = np.isin(parents, [-1, *path[path >= 0]])
        wanted = np.where(met, on_path[row], 0) - np.isin(np.arange(len(parents)), path)
        np.testing.assert_allclose(gradient[row], wanted, atol=1e-6)


def test_logits_far_apart_stay_finite():
    logits = np.array([[-3e4, 3e4, *[0.0] * (len(TREE.parents) - 2)]], np.float32)
    found = PathLogProbabilities(TREE.parents, TREE.leaves)(logits).numpy()
    assert np.isfinite(found).all() and np.exp(found).sum() == pytest.approx(1)


def test_models_give_float32_in_mixed_precision_and_come_back_from_a_file(tmp_path):
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        head = HeadSettings("hierarchical", tree=TREE)
        model = randomize(classifier_model(small_config(), len(LABELS), head=head))
    finally:
        keras.config.set_dtype_policy("float32")
    logits = predict(model, random_inputs())["logits"]
    assert logits.dtype == np.float32
    np.testing.assert_allclose(np.exp(logits).sum(axis=1), 1, rtol=1e-5)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(predict(loaded, random_inputs())["logits"], logits)


def test_a_tree_of_other_labels_is_refused():
    with pytest.raises(ValueError, match="a tree with 5 leaves"):
        classifier_model(small_config(), 5, head=HeadSettings("hierarchical", tree=TREE))

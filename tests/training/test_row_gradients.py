"""Gradients by rows, against dense ones in numpy."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_bert_cls.training.parameter_rules import TOKEN_EMBEDDING
from keras_bert_cls.training.row_gradients import (
    added,
    as_they_are_kept,
    no_gradient,
    once,
)

ROWS, WIDTH = 9, 4


@pytest.fixture(scope="module")
def table() -> keras.Variable:
    layer = keras.layers.Embedding(ROWS, WIDTH, name="token_embedding")
    layer.build()
    assert layer.embeddings.path == TOKEN_EMBEDDING
    return layer.embeddings


def rows(indices, seed=0) -> tf.IndexedSlices:
    values = np.random.default_rng(seed).normal(size=(len(indices), WIDTH)).astype(np.float32)
    shape = tf.constant([ROWS, WIDTH], tf.int64)
    return tf.IndexedSlices(tf.constant(values), tf.constant(indices, tf.int32), shape)


def dense(gradient) -> np.ndarray:
    if not isinstance(gradient, tf.IndexedSlices):
        return gradient.numpy()
    found = np.zeros((ROWS, WIDTH))
    np.add.at(found, gradient.indices.numpy(), gradient.values.numpy())
    return found


@pytest.mark.parametrize("indices", [[], [3], [3, 3, 3], [8, 0, 3, 8, 3, 8], list(range(ROWS))])
def test_no_row_stands_twice_and_the_norm_is_that_of_the_whole(indices):
    gradient = rows(indices)
    found = once(gradient)
    assert sorted(found.indices.numpy()) == sorted(set(indices))
    np.testing.assert_allclose(dense(found), dense(gradient), atol=1e-6)
    norm = float(tf.linalg.global_norm([found, tf.constant([2.0])]))
    assert norm == pytest.approx(np.sqrt((dense(gradient) ** 2).sum() + 4), rel=1e-6)
    scaled = tf.math.scalar_mul(0.5, found)
    np.testing.assert_allclose(dense(scaled), dense(gradient) / 2, atol=1e-6)


def test_rows_and_dense_gradients_are_added(table):
    one, other = rows([1, 4, 4]), rows([4, 0], seed=1)
    whole = tf.ones([ROWS, WIDTH])
    both = added(one, other)
    assert isinstance(both, tf.IndexedSlices)
    np.testing.assert_allclose(dense(both), dense(one) + dense(other), atol=1e-6)
    np.testing.assert_allclose(dense(added(one, whole)), dense(one) + 1, atol=1e-6)
    np.testing.assert_allclose(dense(added(whole, one)), dense(one) + 1, atol=1e-6)
    for nothing in (no_gradient(table, as_rows=True), no_gradient(table, as_rows=False)):
        assert not dense(nothing).any()
        np.testing.assert_allclose(dense(added(nothing, one)), dense(one), atol=1e-6)


def test_only_a_token_embedding_that_is_looked_up_has_rows(table):
    other = keras.Variable(np.ones((3, WIDTH), np.float32), name="segments")
    ids = tf.constant([[1, 7], [7, 0]])
    with tf.GradientTape(persistent=True) as tape:
        looked_up = tf.reduce_sum(tf.gather(table.value, ids) ** 2)
        looked_up += tf.reduce_sum(tf.gather(other.value, [0, 2, 2]) ** 2)
        tied = looked_up + tf.reduce_sum(table.value)
    sources = [table.value, other.value]
    first, second = as_they_are_kept(tape.gradient(looked_up, sources), [table, other])
    assert isinstance(first, tf.IndexedSlices)
    values = table.numpy()
    expected = np.zeros_like(values)
    np.add.at(expected, ids.numpy(), 2 * values[ids.numpy()])
    np.testing.assert_allclose(dense(first), expected, atol=1e-6)
    np.testing.assert_array_equal(dense(second)[:, 0], [2, 0, 4])
    assert isinstance(second, tf.Tensor)
    whole, _ = as_they_are_kept(tape.gradient(tied, sources), [table, other])
    assert isinstance(whole, tf.Tensor)
    np.testing.assert_allclose(dense(whole), expected + 1, atol=1e-6)

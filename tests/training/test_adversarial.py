"""Adversarial steps against float64 formulas and against a model written out by hand."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_bert_cls.modeling.dropout import Dropout, DropoutPlace, dropout_at
from keras_bert_cls.modeling.embedding_sum import EmbeddingSum
from keras_bert_cls.training.adversarial import AdversarialGradients
from keras_bert_cls.training.run import with_precision

MASK = np.array([[1, 1, 1], [1, 0, 0], [1, 1, 0], [0, 0, 0]], np.int32)
GRADIENT = np.random.default_rng(0).normal(size=(4, 3, 5))
EPSILON = 0.7


def steps(gradient):
    norms = np.sqrt((gradient**2).sum(axis=(1, 2), keepdims=True))
    return EPSILON * gradient / np.where(norms, norms, 1)


@pytest.mark.parametrize("packed", [True, False])
@pytest.mark.parametrize("size", [1.0, 1e-30, 1e30])
def test_a_text_is_moved_by_epsilon_along_its_gradient(packed, size):
    gradient = GRADIENT * (MASK[..., np.newaxis] if packed else 1)
    gradient[2] = 0
    laid_out = gradient[MASK > 0] if packed else gradient.reshape(12, 5)
    expected = steps(gradient)
    find = AdversarialGradients(EPSILON, packed).step
    found = find(tf.constant(laid_out * size, tf.float32), tf.constant(MASK)).numpy()
    np.testing.assert_allclose(
        found, expected[MASK > 0] if packed else expected.reshape(12, 5), atol=1e-6
    )


def small_model(precision="float32") -> keras.Model:
    """The product of a text's embeddings by tanh, summed: the second derivative is not 0."""

    def build():
        ids = keras.Input((3,), dtype="int32")
        x = keras.layers.Embedding(6, 5, name="table")(ids)
        x = EmbeddingSum(name="embeddings")([keras.ops.reshape(x, (-1, 5))])
        x = keras.ops.tanh(keras.ops.reshape(x, (-1, 15)))
        return keras.Model(ids, keras.layers.Dense(1, use_bias=False, dtype="float32")(x))

    model = with_precision(precision, build)
    random = np.random.default_rng(1)
    for variable in model.trainable_variables:
        variable.assign(random.normal(size=variable.shape))
    return model


def reference(table, kernel, ids, weights):
    """Returns loss and gradients of loss + adversarial loss, in float64, with a second tape."""
    table, kernel = (tf.Variable(tf.cast(each, tf.float64)) for each in (table, kernel))

    def loss(moved):
        x = tf.reshape(tf.gather(table, ids) + moved, [-1, 15])
        return tf.reduce_sum(weights * tf.square((tf.tanh(x) @ kernel)[:, 0]))

    zero = tf.zeros([*ids.shape, 5], tf.float64)
    with tf.GradientTape() as tape:
        tape.watch(zero)
        plain = loss(zero)
    uphill = tape.gradient(plain, zero).numpy()
    moved = tf.constant(steps(uphill))
    with tf.GradientTape() as tape:
        both = loss(tf.zeros_like(zero)) + loss(moved)
    return float(plain), [tf.convert_to_tensor(g) for g in tape.gradient(both, [table, kernel])]


@pytest.mark.parametrize("precision", ["float32", "mixed_bfloat16"])
@pytest.mark.parametrize("compiled", [False, True])
def test_gradients_equal_those_of_a_model_written_out(precision, compiled):
    model = small_model(precision)
    table, kernel = (variable.value for variable in model.trainable_variables)
    ids = tf.constant([[0, 1, 1], [2, 3, 4], [5, 5, 0], [1, 2, 3]])
    weights = tf.constant([0.5, 0.2, 0.3, 0.0])

    @tf.function(jit_compile=compiled)
    def gradients():
        def loss_of():
            loss = tf.reduce_sum(weights * tf.square(model(ids)[:, 0]))
            return loss, loss

        batch = {"padding_mask": tf.ones_like(ids)}
        found, loss = AdversarialGradients(EPSILON, packed=False)(loss_of, [table, kernel], batch)
        return [tf.convert_to_tensor(gradient) for gradient in found], loss

    found, loss = gradients()
    expected_loss, expected = reference(table, kernel, ids, tf.cast(weights, tf.float64))
    close = {"rtol": 1e-4, "atol": 1e-6} if precision == "float32" else {"rtol": 0.2, "atol": 0.02}
    assert float(loss) == pytest.approx(expected_loss, rel=close["rtol"])
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, **close)


def test_a_model_without_embeddings_is_refused():
    weight = tf.Variable(1.0)
    with pytest.raises(ValueError, match="no EmbeddingSum"):
        AdversarialGradients(1.0, True)(lambda: (weight * 2, None), [weight], {})


def test_both_passes_drop_the_same():
    seen = []
    place = DropoutPlace(tf.constant(1), tf.constant(0, tf.int64), 0, 0, 0, 0)
    model = small_model()
    dropout = Dropout(0.5, stream="d")
    ids = tf.constant([[0, 1, 2], [3, 4, 5]])

    def loss_of():
        kept = dropout(tf.ones([2, 40]), training=True)
        seen.append(kept.numpy())
        loss = tf.reduce_sum(model(ids)) * tf.reduce_sum(kept)
        return loss, None

    variables = [variable.value for variable in model.trainable_variables]
    with dropout_at(place):
        AdversarialGradients(1.0, False)(loss_of, variables, {"padding_mask": tf.ones_like(ids)})
    assert len(seen) == 2
    np.testing.assert_array_equal(*seen)

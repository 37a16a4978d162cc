"""Layer normalization in training, beside Keras' own in float64."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_bert_cls.modeling.layer_norm import LayerNorm

WIDTH = 24


def norm(cls, dtype):
    layer = cls(epsilon=1e-12, dtype=dtype)
    layer.build((None, WIDTH))
    random = np.random.default_rng(1)
    layer.set_weights([random.normal(1, 0.3, WIDTH), random.normal(0, 0.3, WIDTH)])
    return layer


def value_and_gradients(layer, x, upstream, **arguments):
    with tf.GradientTape() as tape:
        tape.watch(x)
        value = layer(x, **arguments)
    variables = [variable.value for variable in layer.trainable_variables]
    return [value, *tape.gradient(value, [x, *variables], upstream)]


@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize("shape", [(50, WIDTH), (5, 10, WIDTH), (0, WIDTH)])
@pytest.mark.parametrize(
    ("policy", "tolerance"),
    [("float32", 2e-5), ("mixed_bfloat16", 5e-2), ("mixed_float16", 1e-2)],
)
def test_values_and_gradients(policy, tolerance, shape, compiled):
    random = np.random.default_rng(0)
    dtype = keras.DTypePolicy(policy).compute_dtype
    # A mean far from 0, where the mean of squares less the square of the mean would lose digits.
    x = tf.cast(random.normal(3, 0.5, shape), dtype)
    upstream = tf.cast(random.normal(size=shape), dtype)
    ours, reference = norm(LayerNorm, policy), norm(keras.layers.LayerNormalization, "float64")
    found = tf.function(
        lambda: value_and_gradients(ours, x, upstream, training=True), jit_compile=compiled
    )()
    expected = value_and_gradients(reference, tf.cast(x, tf.float64), tf.cast(upstream, tf.float64))
    assert [one.dtype for one in found] == [dtype, dtype, tf.float32, tf.float32]
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(tf.cast(one, tf.float64), other, rtol=tolerance, atol=tolerance)


def test_inference_is_keras_own():
    x = np.random.default_rng(0).normal(size=(7, WIDTH)).astype(np.float32)
    layers = norm(LayerNorm, "float32"), norm(keras.layers.LayerNormalization, "float32")
    ours, theirs = (layer(x).numpy() for layer in layers)
    np.testing.assert_array_equal(ours, theirs)

"""Activations in training, beside Keras' own in float64."""

import numpy as np
import pytest
import tensorflow as tf

from keras_bert_cls.modeling.activations import ACTIVATIONS, activated

GELU = ACTIVATIONS["gelu"]


def value_and_gradient(function, x, upstream):
    with tf.GradientTape() as tape:
        tape.watch(x)
        value = function(x)
    return value, tape.gradient(value, x, upstream)


@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize(
    ("dtype", "tolerance"), [("float32", 2e-6), ("bfloat16", 4e-2), ("float16", 5e-3)]
)
def test_gelu_and_its_gradient(dtype, tolerance, compiled):
    random = np.random.default_rng(0)
    x = tf.cast(np.concatenate([np.linspace(-9, 9, 1001), random.normal(size=999)]), dtype)
    upstream = tf.cast(random.normal(size=len(x)), dtype)
    found = tf.function(
        lambda: value_and_gradient(lambda x: activated(x, GELU, True), x, upstream),
        jit_compile=compiled,
    )()
    expected = value_and_gradient(GELU, tf.cast(x, tf.float64), tf.cast(upstream, tf.float64))
    for one, other in zip(found, expected, strict=True):
        assert one.dtype == dtype
        np.testing.assert_allclose(tf.cast(one, tf.float64), other, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize(
    ("name", "training"), [("gelu", False), ("gelu_tanh", True), ("relu", True)]
)
def test_the_others_and_inference_are_left_as_keras_has_them(name, training):
    activation, spec = ACTIVATIONS[name], tf.TensorSpec([None, 4])
    ours = tf.function(lambda x: activated(x, activation, training)).get_concrete_function(spec)
    theirs = tf.function(activation).get_concrete_function(spec)
    assert [op.type for op in ours.graph.get_operations()] == [
        op.type for op in theirs.graph.get_operations()
    ]

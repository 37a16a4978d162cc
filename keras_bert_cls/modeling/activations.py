"""Activations by the names that BERT configs use."""

import math
from collections.abc import Callable

import keras
import tensorflow as tf


@keras.saving.register_keras_serializable("keras_bert_cls")
def gelu_tanh(x):
    """The tanh approximation of gelu (Hendrycks and Gimpel 2016), as Google's first code had it."""
    return keras.activations.gelu(x, approximate=True)


# Keras' own gelu is the exact one, by the error function.
ACTIVATIONS = {
    "gelu": keras.activations.gelu,
    "gelu_tanh": gelu_tanh,
    "relu": keras.activations.relu,
}

_ROOT_OF_HALF = math.sqrt(0.5)
_LOG_OF_DENSITY_AT_0 = -0.5 * math.log(2 * math.pi)


def activated(
    x: tf.Tensor, activation: Callable[[tf.Tensor], tf.Tensor], training: bool | None
) -> tf.Tensor:
    """Applies an activation; in training gelu comes with a gradient of our own.

    Not so in inference, where oneDNN makes Keras' gelu a part of the matrix product before it.
    """
    return _gelu(x) if training and activation is keras.activations.gelu else activation(x)


@tf.custom_gradient
def _gelu(x: tf.Tensor):
    """Returns gelu (Hendrycks and Gimpel 2016, equation 1), x * cdf(x), and what its gradient is.

    TensorFlow's gradient of Keras' gelu takes more passes over the activations, and its CPU kernel
    of erfc several times as long in bfloat16 as in float32, in which this computes.
    """
    wide = tf.cast(x, tf.float32)
    cdf = 0.5 + 0.5 * tf.math.erf(_ROOT_OF_HALF * wide)

    def gradient(upstream: tf.Tensor) -> tf.Tensor:
        wide = tf.cast(x, tf.float32)
        density = tf.exp(_LOG_OF_DENSITY_AT_0 - tf.square(_ROOT_OF_HALF * wide))
        return tf.cast(tf.cast(upstream, tf.float32) * (cdf + wide * density), x.dtype)

    return tf.cast(wide * cdf, x.dtype), gradient

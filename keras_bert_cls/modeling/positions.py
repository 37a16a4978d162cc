"""Where a token stands: a learned embedding, or sines and cosines without weights."""

import keras
import numpy as np
import tensorflow as tf

_LONGEST_WAVE = 10_000.0


@keras.saving.register_keras_serializable("keras_bert_cls")
class SinusoidalPositions(keras.layers.Layer):
    """Sines and cosines of positions (Vaswani et al. 2017, https://arxiv.org/abs/1706.03762, 3.5).

    The paper multiplies the token embeddings by sqrt(output_dim) before it adds these to them. Here
    these are divided by it, which is the same under the norm that follows, and leaves the token
    embeddings as they are for the output matrix that they are tied to.

    Args:
      input_dim: positions there may be; only told to who asks, as longer ones have values too.
      output_dim: width; even.

    Call arguments:
      positions: int32 [...].

    Returns:
      [..., output_dim].
    """

    def __init__(self, input_dim: int, output_dim: int, **kwargs):
        super().__init__(**kwargs)
        self.input_dim, self.output_dim = input_dim, output_dim

    def call(self, positions):
        exponents = np.arange(0, self.output_dim, 2) / self.output_dim
        frequencies = tf.constant(_LONGEST_WAVE**-exponents, tf.float32)
        # float32 under mixed precision too: bfloat16 cannot tell position 256 from 257.
        angles = tf.cast(positions, tf.float32)[..., tf.newaxis] * frequencies
        waves = tf.stack([tf.sin(angles), tf.cos(angles)], axis=-1)
        shape = tf.concat([tf.shape(positions), [self.output_dim]], axis=0)
        values = tf.reshape(waves, shape) * self.output_dim**-0.5
        return tf.cast(
            tf.ensure_shape(values, [*positions.shape, self.output_dim]), self.compute_dtype
        )

    def compute_output_spec(self, positions):
        return keras.KerasTensor((*positions.shape, self.output_dim), dtype=self.compute_dtype)

    def get_config(self):
        sizes = {"input_dim": self.input_dim, "output_dim": self.output_dim}
        return {**super().get_config(), **sizes}


@keras.saving.register_keras_serializable("keras_bert_cls")
class PlacesInRow(keras.layers.Layer):
    """Counts the places of a batch, int32 [batch, length] -> int32 [1, length], from 0."""

    def call(self, token_ids):
        return tf.range(tf.shape(token_ids)[1])[tf.newaxis]

    def compute_output_spec(self, token_ids):
        return keras.KerasTensor((1, token_ids.shape[1]), dtype="int32")


def position_layer(
    positions: str,
    input_dim: int,
    output_dim: int,
    initializer: keras.Initializer,
    name: str,
) -> keras.layers.Layer:
    """Makes the layer from positions, int32 [...], to their embeddings, [..., output_dim].

    Args:
      positions: "learned" or "sinusoidal".
      input_dim: positions there may be.
      output_dim: width.
      initializer: of a learned embedding.
      name: of the layer.
    """
    if positions == "sinusoidal":
        return SinusoidalPositions(input_dim, output_dim, name=name)
    return keras.layers.Embedding(
        input_dim, output_dim, embeddings_initializer=initializer, name=name
    )


def positions_of(layer: keras.layers.Layer) -> str:
    """Returns which positions a layer of `position_layer` gives."""
    return "sinusoidal" if isinstance(layer, SinusoidalPositions) else "learned"

"""Layers on top of the encoder."""

import keras
import tensorflow as tf


@keras.saving.register_keras_serializable("keras_bert_cls")
class GatherPositions(keras.layers.Layer):
    """Picks positions of a sequence, as the masked LMs in older files do.

    Call arguments:
      sequence: [batch, length, width].
      positions: int32 [batch, picks], each in [0, length).

    Returns:
      [batch, picks, width].
    """

    def call(self, sequence, positions):
        return tf.gather(sequence, positions, batch_dims=1)

    def compute_output_spec(self, sequence, positions):
        return keras.KerasTensor((*positions.shape, sequence.shape[-1]), dtype=self.compute_dtype)


@keras.saving.register_keras_serializable("keras_bert_cls")
class OutputBias(keras.layers.Layer):
    """Adds a bias to logits [..., size] in float32, whatever precision the logits came in."""

    def __init__(self, **kwargs):
        super().__init__(**{**kwargs, "dtype": "float32"})

    def build(self, logits_shape):
        self.bias = self.add_weight(name="bias", shape=(logits_shape[-1],), initializer="zeros")

    def call(self, logits):
        return logits + self.bias

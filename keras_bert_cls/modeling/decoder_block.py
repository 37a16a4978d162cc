"""One block of the decoder: self-attention, attention to the encoder, and feed-forward."""

from typing import Any

import keras
import tensorflow as tf

# Whole modules: some may still be half loaded here, see layers.py.
from keras_bert_cls.modeling import activations, attention
from keras_bert_cls.modeling import dropout as dropout_layer


@keras.saving.register_keras_serializable("keras_bert_cls")
class DecoderBlock(keras.layers.Layer):
    """Transformer decoder block (Vaswani et al. 2017, https://arxiv.org/abs/1706.03762).

    Training and decoding run the same code: `call` is `extend` from nothing.

    Args:
      hidden_dim, activation, layer_norm_epsilon, initializer_stddev: see EncoderConfig.
      num_heads, intermediate_dim, norm, dropout, attention_dropout: see DecoderConfig.

    Call arguments:
      x: [batch, length, hidden_dim]; a place sees those before it, so padding at the end needs no
        mask.
      sequence_output: [batch, source length, hidden_dim], of the encoder.
      padding_mask: int32 [batch, source length], 0 for padding.

    Returns:
      [batch, length, hidden_dim].
    """

    def __init__(
        self,
        hidden_dim: int,
        num_heads: int,
        intermediate_dim: int,
        activation: str = "gelu",
        norm: str = "post",
        dropout: float = 0.1,
        attention_dropout: float = 0.1,
        layer_norm_epsilon: float = 1e-12,
        initializer_stddev: float = 0.02,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.settings: dict[str, Any] = {
            "hidden_dim": hidden_dim,
            "num_heads": num_heads,
            "intermediate_dim": intermediate_dim,
            "activation": activation,
            "norm": norm,
            "dropout": dropout,
            "attention_dropout": attention_dropout,
            "layer_norm_epsilon": layer_norm_epsilon,
            "initializer_stddev": initializer_stddev,
        }
        self.hidden_dim, self.num_heads = hidden_dim, num_heads
        self.norm_comes_first = norm == "pre"
        self.activation = activations.ACTIVATIONS[activation]
        self.query_key_value = self._dense(3 * hidden_dim, "query_key_value")
        self.attention_dropout = self._dropout(attention_dropout, "attention_dropout")
        self.attention_output = self._dense(hidden_dim, "attention_output")
        self.attention_output_dropout = self._dropout(dropout, "attention_output_dropout")
        self.attention_norm = self._norm("attention_norm")
        self.memory_query = self._dense(hidden_dim, "memory_query")
        self.memory_key_value = self._dense(2 * hidden_dim, "memory_key_value")
        self.memory_dropout = self._dropout(attention_dropout, "memory_dropout")
        self.memory_output = self._dense(hidden_dim, "memory_output")
        self.memory_output_dropout = self._dropout(dropout, "memory_output_dropout")
        self.memory_norm = self._norm("memory_norm")
        self.intermediate = self._dense(intermediate_dim, "intermediate")
        self.output_dense = self._dense(hidden_dim, "output")
        self.output_dropout = self._dropout(dropout, "output_dropout")
        self.output_norm = self._norm("output_norm")

    def build(self, x_shape, sequence_output_shape=None, padding_mask_shape=None):
        narrow, wide = (None, None, self.hidden_dim), (None, None, self.intermediate.units)
        for layer in (
            self.query_key_value,
            self.attention_output,
            self.attention_norm,
            self.memory_query,
            self.memory_key_value,
            self.memory_output,
            self.memory_norm,
            self.intermediate,
            self.output_norm,
        ):
            layer.build(narrow)
        self.output_dense.build(wide)

    def call(self, x, sequence_output, padding_mask, training=None):
        memory = self.remember(sequence_output, padding_mask)
        return self.extend(x, self.nothing_written(x), memory, training)[0]

    def remember(self, sequence_output, padding_mask) -> attention.Memory:
        """Returns what the block attends to of the encoder's output; see `call`."""
        key, value = tf.split(self.memory_key_value(sequence_output), 2, axis=-1)
        heads = (attention.split_heads(part, self.num_heads) for part in (key, value))
        return attention.Memory(
            attention.KeysAndValues(*heads), attention.padding_bias(padding_mask)
        )

    def nothing_written(self, x) -> attention.KeysAndValues:
        """Returns what `extend` starts with, for rows and a dtype as in x [batch, ...]."""
        head_dim = self.hidden_dim // self.num_heads
        empty = tf.zeros([tf.shape(x)[0], self.num_heads, 0, head_dim], x.dtype)
        return attention.KeysAndValues(empty, empty)

    def extend(
        self, x, written: attention.KeysAndValues, memory: attention.Memory, training=None
    ) -> tuple[tf.Tensor, attention.KeysAndValues]:
        """Computes places given those before them.

        Args:
          x: [batch, new, hidden_dim].
          written: keys and values of the places before.
          memory: from `remember`.
          training: whether dropout is on.

        Returns:
          [batch, new, hidden_dim], and the keys and values of all places.
        """
        attended, written = self._attend_back(
            self._before(x, self.attention_norm), written, training
        )
        attended = self.attention_output_dropout(attended, training=training)
        x = self._after(x + attended, self.attention_norm)
        attended = self._attend_to_memory(self._before(x, self.memory_norm), memory, training)
        attended = self.memory_output_dropout(attended, training=training)
        x = self._after(x + attended, self.memory_norm)
        wide = self.intermediate(self._before(x, self.output_norm))
        wide = activations.activated(wide, self.activation, training)
        transformed = self.output_dropout(self.output_dense(wide), training=training)
        return self._after(x + transformed, self.output_norm), written

    def compute_output_spec(self, x, sequence_output, padding_mask, training=None):
        return keras.KerasTensor(x.shape, dtype=self.compute_dtype)

    def get_config(self):
        return {**super().get_config(), **self.settings}

    def _attend_back(self, x, written, training):
        projected = tf.split(self.query_key_value(x), 3, axis=-1)
        query, key, value = (attention.split_heads(part, self.num_heads) for part in projected)
        keys = tf.concat([written.keys, key], axis=2)
        values = tf.concat([written.values, value], axis=2)
        bias = attention.causal_bias(tf.shape(query)[2], tf.shape(keys)[2])
        weights = attention.attention_weights(query, keys, bias)
        weights = self.attention_dropout(weights, training=training)
        mixed = attention.merge_heads(tf.matmul(weights, values))
        return self.attention_output(mixed), attention.KeysAndValues(keys, values)

    def _attend_to_memory(self, x, memory, training):
        query = attention.split_heads(self.memory_query(x), self.num_heads)
        weights = attention.attention_weights(query, memory.read.keys, memory.bias)
        weights = self.memory_dropout(weights, training=training)
        return self.memory_output(attention.merge_heads(tf.matmul(weights, memory.read.values)))

    def _before(self, x, norm):
        return norm(x) if self.norm_comes_first else x

    def _after(self, x, norm):
        return x if self.norm_comes_first else norm(x)

    def _dense(self, units: int, name: str) -> keras.layers.Dense:
        stddev = self.settings["initializer_stddev"]
        initializer = keras.initializers.TruncatedNormal(stddev=stddev)
        return keras.layers.Dense(
            units, kernel_initializer=initializer, dtype=self.dtype_policy, name=name
        )

    def _norm(self, name: str) -> keras.layers.LayerNormalization:
        epsilon = self.settings["layer_norm_epsilon"]
        return keras.layers.LayerNormalization(epsilon=epsilon, dtype=self.dtype_policy, name=name)

    def _dropout(self, rate: float, name: str) -> dropout_layer.Dropout:
        # By rows: how many tokens the outputs before this part have is not known here.
        stream = f"{self.name}/{name}"
        return dropout_layer.Dropout(rate, "row", stream, dtype=self.dtype_policy, name=name)

"""One block of the encoder: self-attention and feed-forward, each with a residual and a norm."""

from typing import Any

import keras
import tensorflow as tf

# Whole modules: either may still be half loaded here, see layers.py.
from keras_bert_cls.modeling import activations, self_attention, token_packing
from keras_bert_cls.modeling import dropout as dropout_layer


@keras.saving.register_keras_serializable("keras_bert_cls")
class TransformerBlock(keras.layers.Layer):
    """Post-norm Transformer encoder block (Vaswani et al. 2017; BERT, Devlin et al. 2018).

    Args:
      hidden_dim, num_heads, intermediate_dim, activation, dropout, attention_dropout,
      layer_norm_epsilon, initializer_stddev, pack_tokens: see EncoderConfig.

    Call arguments:
      x: [tokens, hidden_dim], packed tokens.
      rows, slots: as `PackTokens` returns them.
      first_only: compute the first token of each sequence only, which is all that a classifier
        reads of the last block. It attends to the whole sequence.

    Returns:
      [tokens, hidden_dim]; [batch, hidden_dim] with `first_only`, 0 where padding comes first.
    """

    def __init__(
        self,
        hidden_dim: int,
        num_heads: int,
        intermediate_dim: int,
        activation: str = "gelu",
        dropout: float = 0.1,
        attention_dropout: float = 0.1,
        layer_norm_epsilon: float = 1e-12,
        initializer_stddev: float = 0.02,
        pack_tokens: bool = True,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.settings: dict[str, Any] = {
            "hidden_dim": hidden_dim,
            "num_heads": num_heads,
            "intermediate_dim": intermediate_dim,
            "activation": activation,
            "dropout": dropout,
            "attention_dropout": attention_dropout,
            "layer_norm_epsilon": layer_norm_epsilon,
            "initializer_stddev": initializer_stddev,
            "pack_tokens": pack_tokens,
        }
        self.hidden_dim, self.num_heads = hidden_dim, num_heads
        self.activation = activations.ACTIVATIONS[activation]

        def dense(units: int, name: str) -> keras.layers.Dense:
            initializer = keras.initializers.TruncatedNormal(stddev=initializer_stddev)
            return keras.layers.Dense(
                units, kernel_initializer=initializer, dtype=self.dtype_policy, name=name
            )

        def norm(name: str) -> keras.layers.LayerNormalization:
            return keras.layers.LayerNormalization(
                epsilon=layer_norm_epsilon, dtype=self.dtype_policy, name=name
            )

        def drop(rate: float, per: str, name: str) -> dropout_layer.Dropout:
            stream = f"{self.name}/{name}"
            return dropout_layer.Dropout(rate, per, stream, dtype=self.dtype_policy, name=name)

        per = "token" if pack_tokens else "position"
        self.query_key_value = dense(3 * hidden_dim, "query_key_value")
        self.attention_dropout = drop(attention_dropout, "sequence", "attention_dropout")
        self.attention_output = dense(hidden_dim, "attention_output")
        self.attention_output_dropout = drop(dropout, per, "attention_output_dropout")
        self.attention_norm = norm("attention_norm")
        self.intermediate = dense(intermediate_dim, "intermediate")
        self.output_dense = dense(hidden_dim, "output")
        self.output_dropout = drop(dropout, per, "output_dropout")
        self.output_norm = norm("output_norm")

    def build(self, x_shape, rows_shape=None, slots_shape=None):
        wide = (None, self.settings["intermediate_dim"])
        for layer in (self.query_key_value, self.attention_output, self.intermediate):
            layer.build((None, self.hidden_dim))
        self.output_dense.build(wide)
        self.attention_norm.build((None, self.hidden_dim))
        self.output_norm.build((None, self.hidden_dim))

    def call(self, x, rows, slots, first_only=False, training=None):
        # Of the first tokens alone there is one a sequence, so dropout counts those.
        per = "sequence" if first_only else None

        def drop(weights: tf.Tensor) -> tf.Tensor:
            return self.attention_dropout(weights, training=training)

        attended = self_attention.attend(
            self.query_key_value(x), rows, slots, self.num_heads, first_only, drop
        )
        attended = self.attention_output(attended)
        attended = self.attention_output_dropout(attended, per=per, training=training)
        if first_only:
            x = token_packing.first_tokens(x, slots)
        x = self.attention_norm(x + attended)
        transformed = self.output_dense(self.activation(self.intermediate(x)))
        transformed = self.output_dropout(transformed, per=per, training=training)
        x = self.output_norm(x + transformed)
        if first_only:
            x = tf.where(slots[:, :1] > 0, x, tf.zeros_like(x))
        return x

    def compute_output_spec(self, x, rows, slots, first_only=False, training=None):
        return keras.KerasTensor(x.shape, dtype=self.compute_dtype)

    def get_config(self):
        return {**super().get_config(), **self.settings}

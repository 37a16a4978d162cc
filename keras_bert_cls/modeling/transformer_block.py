"""One block of the encoder: self-attention and feed-forward, each with a residual and a norm."""

from typing import Any

import keras
import tensorflow as tf

# Whole modules: either may still be half loaded here, see layers.py.
from keras_bert_cls.modeling import activations, layer_norm, self_attention, token_packing
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
      positions: int32 [batch, picks], each in [0, length): compute these tokens only, which is all
        that a masked LM reads.

    Returns:
      [tokens, hidden_dim]; [batch, hidden_dim] with `first_only`, [batch, picks, hidden_dim] with
      `positions`, both 0 where there is padding.
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

        def norm(name: str) -> layer_norm.LayerNorm:
            return layer_norm.LayerNorm(
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

    def build(self, x_shape, rows_shape=None, slots_shape=None, positions_shape=None):
        wide = (None, self.settings["intermediate_dim"])
        for layer in (self.query_key_value, self.attention_output, self.intermediate):
            layer.build((None, self.hidden_dim))
        self.output_dense.build(wide)
        self.attention_norm.build((None, self.hidden_dim))
        self.output_norm.build((None, self.hidden_dim))

    def call(self, x, rows, slots, first_only=False, positions=None, training=None):
        chosen = token_packing.chosen_slots(slots, first_only, positions)
        drawn: dict[str, Any] = {"training": training}
        if first_only:
            # There is one a sequence, so dropout counts those.
            drawn["per"] = "sequence"
        elif chosen is not None:
            # They draw what they would draw among all tokens: how many are chosen depends on the
            # batch's other rows, which other replicas may have. Padding draws anything.
            drawn["places"] = tf.maximum(chosen - 1, 0)
            drawn["total"] = tf.maximum(tf.shape(x)[0], 1)

        def drop(weights: tf.Tensor) -> tf.Tensor:
            return self.attention_dropout(weights, training=training)

        attended = self_attention.attend(
            self.query_key_value(x), rows, slots, self.num_heads, first_only, drop
        )
        if positions is not None:
            attended = token_packing.pick_tokens(attended, chosen)
        attended = self.attention_output_dropout(self.attention_output(attended), **drawn)
        if chosen is not None:
            x = token_packing.pick_tokens(x, chosen)
        x = self.attention_norm(x + attended, training=training)
        wide = activations.activated(self.intermediate(x), self.activation, training)
        transformed = self.output_dense(wide)
        x = self.output_norm(x + self.output_dropout(transformed, **drawn), training=training)
        return token_packing.as_chosen(x, chosen, positions)

    def compute_output_spec(self, x, rows, slots, first_only=False, positions=None, training=None):
        shape = x.shape if positions is None else (*positions.shape, self.hidden_dim)
        return keras.KerasTensor(shape, dtype=self.compute_dtype)

    def get_config(self):
        return {**super().get_config(), **self.settings}

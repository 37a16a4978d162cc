"""A block of the encoder in branches that can run at the same time."""

import keras
import numpy as np
import tensorflow as tf

from keras_bert_cls.modeling.activations import ACTIVATIONS
from keras_bert_cls.modeling.self_attention import attend
from keras_bert_cls.modeling.token_packing import as_chosen, chosen_slots, pick_tokens
from keras_bert_cls.modeling.transformer_block import TransformerBlock


class BranchedBlock(keras.layers.Layer):
    """A TransformerBlock whose heads and intermediate units are shared out to branches.

    A branch goes from its own columns of the first matrix to its own rows of the second, and the
    block adds up what the branches give (Megatron-LM, Shoeybi et al. 2019, section 3). So an
    executor with several threads computes one text on several CPUs. The numbers are those of the
    block up to rounding. For inference: there is no dropout.

    Args:
      block: whose weights are copied.
      branches: a divisor of its num_heads and its intermediate_dim.

    Call arguments and result are the block's.
    """

    def __init__(self, block: TransformerBlock, branches: int):
        super().__init__(name=block.name, dtype=block.dtype_policy)
        self._num_heads = block.num_heads // branches
        self._activation = ACTIVATIONS[block.settings["activation"]]
        self.attention = _branches(block.query_key_value, block.attention_output, branches, parts=3)
        self.feed_forward = _branches(block.intermediate, block.output_dense, branches)
        self.attention_norm = _copy(block.attention_norm)
        self.output_norm = _copy(block.output_norm)
        self.built = True

    def call(self, x, rows, slots, first_only=False, positions=None, training=None):
        chosen = chosen_slots(slots, first_only, positions)

        def attended(projected: tf.Tensor) -> tf.Tensor:
            found = attend(projected, rows, slots, self._num_heads, first_only)
            return found if positions is None else pick_tokens(found, chosen)

        mixed = [output(attended(project(x))) for project, output in self.attention]
        if chosen is not None:
            x = pick_tokens(x, chosen)
        x = self.attention_norm(_sum(x, mixed))
        transformed = [output(self._activation(widen(x))) for widen, output in self.feed_forward]
        return as_chosen(self.output_norm(_sum(x, transformed)), chosen, positions)

    def compute_output_spec(self, x, rows, slots, first_only=False, positions=None, training=None):
        shape = x.shape if positions is None else (*positions.shape, x.shape[-1])
        return keras.KerasTensor(shape, dtype=self.compute_dtype)


def with_branches(model: keras.Model, branches: int) -> keras.Model:
    """Returns a model of ours with a `BranchedBlock` for each block, on the model's other layers.

    Raises:
      ValueError: `branches` does not divide the heads and the intermediate units.
    """

    def branched(layer: keras.layers.Layer) -> keras.layers.Layer:
        return BranchedBlock(layer, branches) if isinstance(layer, TransformerBlock) else layer

    return keras.models.clone_model(model, clone_function=branched)


def _branches(
    first: keras.layers.Dense, second: keras.layers.Dense, branches: int, parts: int = 1
) -> list[tuple[keras.layers.Dense, keras.layers.Dense]]:
    """Cuts two layers that follow each other; the second one's bias is in the first branch.

    Args:
      first: its columns are shared out.
      second: its rows are shared out.
      branches: how many there are.
      parts: of which the first one's columns consist, and every branch has a share.
    """

    def columns(values: np.ndarray) -> list[np.ndarray]:
        cut = [np.split(part, branches, axis=-1) for part in np.split(values, parts, axis=-1)]
        return [np.concatenate(shares, axis=-1) for shares in zip(*cut, strict=True)]

    kernel, bias = (columns(values) for values in first.get_weights())
    second_kernel, second_bias = second.get_weights()
    rows = np.split(second_kernel, branches)
    return [
        (
            _dense(first, f"{first.name}_{index}", kernel[index], bias[index]),
            _dense(second, f"{second.name}_{index}", rows[index], None if index else second_bias),
        )
        for index in range(branches)
    ]


def _dense(
    like: keras.layers.Dense, name: str, kernel: np.ndarray, bias: np.ndarray | None
) -> keras.layers.Dense:
    layer = keras.layers.Dense(
        kernel.shape[1], use_bias=bias is not None, dtype=like.dtype_policy, name=name
    )
    layer.build((None, kernel.shape[0]))
    layer.set_weights([kernel] if bias is None else [kernel, bias])
    return layer


def _copy(norm: keras.layers.LayerNormalization) -> keras.layers.LayerNormalization:
    copy = type(norm).from_config(norm.get_config())
    copy.build((None, norm.gamma.shape[0]))
    copy.set_weights(norm.get_weights())
    return copy


def _sum(x: tf.Tensor, parts: list[tf.Tensor]) -> tf.Tensor:
    # The first of them and x with its layer's bias are one fused op.
    for part in parts:
        x = x + part
    return x

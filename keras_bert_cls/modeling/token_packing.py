"""Packing: dense layers run on the real tokens of a batch in one [tokens, width] matrix.

A batch of texts of different lengths is mostly padding. The encoder gathers the real tokens once,
computes on them, and goes back to [batch, length] only for attention (Effective Transformer, 2020).
"""

import keras
import tensorflow as tf


@keras.saving.register_keras_serializable("keras_bert_cls")
class PackTokens(keras.layers.Layer):
    """Lays the tokens of a padded batch out as one list.

    Args:
      pack: drop the padding. If False, padding stays and the list has batch * length entries.

    Call arguments: token_ids, segment_ids, padding_mask, int32 [batch, length] each.

    Returns a dict; "tokens" is the number of real tokens, or batch * length if not `pack`:
      token_ids, segment_ids, positions: int32 [tokens].
      rows: int32 [tokens], where each token stands in the flattened batch.
      slots: int32 [batch, length], 1 + the place of each position in the list, 0 for padding.
    """

    def __init__(self, pack: bool = True, **kwargs):
        super().__init__(**kwargs)
        self.pack = pack

    def call(self, token_ids, segment_ids, padding_mask):
        shape = tf.shape(padding_mask)
        size = shape[0] * shape[1]
        real = tf.cast(tf.reshape(padding_mask, [-1]) > 0, tf.int32)
        positions = tf.reshape(tf.tile(tf.range(shape[1])[tf.newaxis], [shape[0], 1]), [-1])
        if self.pack:
            rows = tf.cast(tf.where(real)[:, 0], tf.int32)
            slots = tf.cumsum(real) * real
        else:
            rows = tf.range(size)
            slots = (rows + 1) * real
        return {
            "token_ids": tf.gather(tf.reshape(token_ids, [-1]), rows),
            "segment_ids": tf.gather(tf.reshape(segment_ids, [-1]), rows),
            "positions": tf.gather(positions, rows),
            "rows": rows,
            "slots": tf.reshape(slots, shape),
        }

    def compute_output_spec(self, token_ids, segment_ids, padding_mask):
        names = ("token_ids", "segment_ids", "positions", "rows")
        spec = {name: keras.KerasTensor((None,), dtype="int32") for name in names}
        return {**spec, "slots": keras.KerasTensor(padding_mask.shape, dtype="int32")}

    def get_config(self):
        return {**super().get_config(), "pack": self.pack}


def to_batch(x: tf.Tensor, rows: tf.Tensor, slots: tf.Tensor) -> tf.Tensor:
    """Spreads packed tokens [tokens, width] over the batch [batch, length, width]; padding is 0."""

    @tf.custom_gradient
    def spread(packed):
        padded = tf.gather(tf.pad(packed, [[1, 0], [0, 0]]), slots)
        padded.set_shape([*slots.shape, packed.shape[1]])
        # A token in the list stands in one place only, so the gradient of the gather is a gather:
        # no scatter, which TensorFlow runs slowly on CPUs.
        return padded, lambda upstream: _gather_real(upstream, rows, slots)

    return spread(x)


def to_tokens(x: tf.Tensor, rows: tf.Tensor, slots: tf.Tensor) -> tf.Tensor:
    """Gathers the tokens of the list [tokens, width] from a batch [batch, length, width]."""

    @tf.custom_gradient
    def collect(padded):
        packed = tf.gather(tf.reshape(padded, [-1, padded.shape[-1]]), rows)
        return packed, lambda upstream: tf.gather(tf.pad(upstream, [[1, 0], [0, 0]]), slots)

    return collect(x)


def chosen_slots(
    slots: tf.Tensor, first_only: bool = False, positions: tf.Tensor | None = None
) -> tf.Tensor | None:
    """Returns the slots of those tokens of a batch that a block computes.

    Args:
      slots: as `PackTokens` returns them.
      first_only: the first token of each sequence.
      positions: int32 [batch, picks], these of each sequence.

    Returns:
      int32 [batch], or [batch * picks]; None for all tokens.
    """
    if first_only:
        return slots[:, 0]
    if positions is None:
        return None
    return tf.reshape(tf.gather(slots, positions, batch_dims=1), [-1])


def pick_tokens(x: tf.Tensor, chosen: tf.Tensor) -> tf.Tensor:
    """Gathers packed tokens, [chosen, width], by their slots, int32 [chosen]; padding is 0."""
    return tf.gather(tf.pad(x, [[1, 0], [0, 0]]), chosen)


def as_chosen(
    x: tf.Tensor, chosen: tf.Tensor | None, positions: tf.Tensor | None = None
) -> tf.Tensor:
    """Returns what a block gives for the tokens that `chosen_slots` names.

    Args:
      x: [chosen, width]; as it is where `chosen` is None.
      chosen: from `chosen_slots`.
      positions: as given to it.

    Returns:
      [chosen, width], or [batch, picks, width] with `positions`; 0 where there is padding.
    """
    if chosen is not None:
        x = tf.where(chosen[:, tf.newaxis] > 0, x, tf.zeros_like(x))
    if positions is not None:
        x = tf.reshape(x, [*tf.unstack(tf.shape(positions)), x.shape[-1]])
    return x


def _gather_real(padded: tf.Tensor, rows: tf.Tensor, slots: tf.Tensor) -> tf.Tensor:
    """Gathers [tokens, width] from [batch, length, width], with 0 where a row is padding."""
    real = tf.gather(tf.reshape(slots, [-1]), rows) > 0
    packed = tf.gather(tf.reshape(padded, [-1, padded.shape[-1]]), rows)
    return tf.where(real[:, tf.newaxis], packed, tf.zeros_like(packed))


@keras.saving.register_keras_serializable("keras_bert_cls")
class UnpackTokens(keras.layers.Layer):
    """Turns packed tokens [tokens, width] into [batch, length, width] with 0 for padding.

    Call arguments: x, rows, slots as `PackTokens` returns them.
    """

    def call(self, x, rows, slots):
        return to_batch(x, rows, slots)

    def compute_output_spec(self, x, rows, slots):
        return keras.KerasTensor((*slots.shape, x.shape[-1]), dtype=self.compute_dtype)

"""Layers that cut texts into overlapping windows and make one of what the windows give."""

from typing import NamedTuple

import keras
import tensorflow as tf

# A whole module: it may still be half loaded here, see layers.py.
from keras_bert_cls.modeling import token_packing


class WindowLayout(NamedTuple):
    """Which windows a batch of documents has. Only real windows are in the list.

    Attributes:
      source: int32 [windows, width], where each token stands in the flattened batch.
      padding_mask: int32 [windows, width].
      rows: int32 [windows], where each window stands in the flattened table of slots.
      slots: int32 [batch, most windows], 1 + the place in the list of each window of a document,
        0 where it has no more.
    """

    source: tf.Tensor
    padding_mask: tf.Tensor
    rows: tf.Tensor
    slots: tf.Tensor


@keras.saving.register_keras_serializable("keras_bert_cls")
class ExpandWindows(keras.layers.Layer):
    """Cuts packed texts [CLS] tokens [SEP] into windows [CLS] some of the tokens [SEP].

    A text that fits has one window, itself. Of a longer one, window k starts k * step tokens after
    the first, and the last ends where the text does.

    Args:
      window_length, overlap: see DocumentConfig.

    Call arguments: token_ids, segment_ids, padding_mask, int32 [batch, length] each.

    Returns a dict of token_ids, segment_ids, padding_mask, int32 [windows, width] each, and rows
    and slots, see WindowLayout. The width is window_length, or length if that is less.
    """

    def __init__(self, window_length: int, overlap: int, **kwargs):
        super().__init__(**kwargs)
        self.window_length, self.overlap = window_length, overlap

    def call(self, token_ids, segment_ids, padding_mask):
        layout = self.layout(padding_mask)
        return {
            "token_ids": tf.gather(tf.reshape(token_ids, [-1]), layout.source),
            "segment_ids": tf.gather(tf.reshape(segment_ids, [-1]), layout.source),
            "padding_mask": layout.padding_mask,
            "rows": layout.rows,
            "slots": layout.slots,
        }

    def layout(self, padding_mask: tf.Tensor) -> WindowLayout:
        """Returns the windows of documents, given int32 [batch, length]."""
        size, step = self.window_length, self.window_length - 2 - self.overlap
        length = tf.shape(padding_mask)[1]
        ends = tf.where(padding_mask > 0, tf.range(1, length + 1), 0)
        tokens = tf.reduce_max(ends, axis=1)
        counts = 1 + (tf.maximum(tokens - size, 0) + step - 1) // step
        most = tf.reduce_max(tf.concat([counts, [1]], axis=0))
        real = tf.cast(tf.range(most) < counts[:, tf.newaxis], tf.int32)
        rows = tf.cast(tf.where(tf.reshape(real, [-1]))[:, 0], tf.int32)
        slots = tf.reshape(tf.cumsum(tf.reshape(real, [-1])), tf.shape(real)) * real

        document, first = (part[:, tf.newaxis] for part in (rows // most, rows % most * step))
        tokens = tf.gather(tokens, document)
        here = tf.minimum(tokens - first, size)
        places = tf.range(tf.minimum(size, length))[tf.newaxis]
        # [CLS] and [SEP] are the document's own, so that no vocabulary is needed here.
        source = tf.where(places == here - 1, tokens - 1, first + places)
        source = tf.where(places == 0, 0, tf.minimum(source, length - 1)) + document * length
        mask = tf.gather(tf.reshape(padding_mask, [-1]), source)
        return WindowLayout(source, tf.where(places < here, mask, 0), rows, slots)

    def compute_output_spec(self, token_ids, segment_ids, padding_mask):
        def spec(*shape: int | None) -> keras.KerasTensor:
            return keras.KerasTensor(shape, dtype="int32")

        inputs = {name: spec(None, None) for name in ("token_ids", "segment_ids", "padding_mask")}
        return {**inputs, "rows": spec(None), "slots": spec(padding_mask.shape[0], None)}

    def get_config(self):
        sizes = {"window_length": self.window_length, "overlap": self.overlap}
        return {**super().get_config(), **sizes}


@keras.saving.register_keras_serializable("keras_bert_cls")
class PoolWindows(keras.layers.Layer):
    """Makes one vector of those of a document's windows.

    Args:
      pooling: see DocumentConfig. Attention begins as the mean: its vector is zero at first.

    Call arguments:
      x: [windows, width].
      rows, slots: as `ExpandWindows` returns them.

    Returns:
      [batch, width]. The one window of a short text stays as it is.
    """

    def __init__(self, pooling: str, **kwargs):
        super().__init__(**kwargs)
        self.pooling = pooling

    def build(self, x_shape, rows_shape=None, slots_shape=None):
        if self.pooling == "attention":
            self.query = self.add_weight(name="query", shape=(x_shape[-1],), initializer="zeros")

    def call(self, x, rows, slots):
        # Sums and the softmax are float32 under mixed precision too: there may be many windows.
        windows = tf.cast(token_packing.to_batch(x, rows, slots), tf.float32)
        real = slots[..., tf.newaxis] > 0
        if self.pooling == "max":
            pooled = tf.reduce_max(tf.where(real, windows, windows.dtype.min), axis=1)
        else:
            scores = tf.where(real, self._scores(windows), windows.dtype.min)
            pooled = tf.reduce_sum(tf.nn.softmax(scores, axis=1) * windows, axis=1)
        return tf.cast(pooled, self.compute_dtype)

    def compute_output_spec(self, x, rows, slots):
        return keras.KerasTensor((slots.shape[0], x.shape[-1]), dtype=self.compute_dtype)

    def get_config(self):
        return {**super().get_config(), "pooling": self.pooling}

    def _scores(self, windows: tf.Tensor) -> tf.Tensor:
        """Returns how much each window counts, float32 [batch, most windows, 1]."""
        if self.pooling == "mean":
            return tf.zeros_like(windows[..., :1])
        query = tf.cast(tf.convert_to_tensor(self.query), tf.float32)
        return tf.reduce_sum(windows * query, axis=-1, keepdims=True)

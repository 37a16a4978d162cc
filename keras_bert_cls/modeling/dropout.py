"""Dropout that does not depend on how a batch is shared out."""

import contextlib
import contextvars
from collections.abc import Iterator
from typing import NamedTuple

import keras
import tensorflow as tf

from keras_bert_cls.counter_random import random_halves


class DropoutPlace(NamedTuple):
    """Which part of which step's global batch is being computed.

    Attributes:
      seed: int scalar in [0, 2**32).
      step: int64 scalar.
      row: int scalar, rows of the global batch before this part.
      sequence: int scalar, sequences of the encoder before it: rows, or windows of documents.
      token: int scalar, real tokens of the sequences before it.
      position: int scalar, positions (sequences * length) before it.
    """

    seed: tf.Tensor
    step: tf.Tensor
    row: tf.Tensor
    sequence: tf.Tensor
    token: tf.Tensor
    position: tf.Tensor


_place: contextvars.ContextVar[DropoutPlace | None] = contextvars.ContextVar("place", default=None)
_draw: contextvars.ContextVar[int] = contextvars.ContextVar("draw", default=0)


@contextlib.contextmanager
def dropout_at(place: DropoutPlace) -> Iterator[None]:
    """Lets the dropout layers called in the body draw by place."""
    token = _place.set(place)
    try:
        yield
    finally:
        _place.reset(token)


@contextlib.contextmanager
def another_draw() -> Iterator[None]:
    """Lets the dropout layers called in the body draw anew at the same place.

    What they draw is independent of what they draw outside, and depends on the same things.
    """
    token = _draw.set(_draw.get() + 1)
    try:
        yield
    finally:
        _draw.reset(token)


@keras.saving.register_keras_serializable("keras_bert_cls")
class Dropout(keras.layers.Dropout):
    """Dropout (Srivastava et al. 2014) whose mask depends on (seed, layer, step, place) only.

    Inside `dropout_at`, the mask of an entry is drawn by its place in the global batch, so that
    replicas that share a batch draw what one device would have drawn, and a resumed run draws what
    it would have drawn. Elsewhere, as under Keras' own `fit`, this is Keras' Dropout.

    Args:
      rate: share of the entries that become 0.
      per: what the first axis counts: "row", or in the encoder "sequence", "token" (of a packed
        batch) or "position".
      stream: tells the layer's masks from those of other layers; by default the layer's name.

    Call arguments:
      inputs: of any shape.
      per: what the first axis counts this time, if that is something else.
      places: int32 [n], if the n inputs are only some of a longer list, which are those: they draw
        what they would draw in the list.
      total: int scalar, the length of that list.
    """

    def __init__(self, rate: float, per: str = "row", stream: str = "", **kwargs):
        super().__init__(rate, **kwargs)
        self.per = per
        self.stream = stream or self.name

    def call(self, inputs, per=None, places=None, total=None, training=False):
        place = _place.get()
        if place is None or not training or not self.rate:
            return super().call(inputs, training=training)
        shape = tf.shape(inputs)
        rows = shape[0] if places is None else total
        width = tf.reduce_prod(shape[1:])
        # uint16 tells rates apart to 1/65536, and 16 random bits cost half of 32.
        threshold = round(self.rate * 2**16)
        draw = _draw.get()
        stream = f"{self.stream}/draw_{draw}" if draw else self.stream
        before = getattr(place, per or self.per)
        drawn = random_halves(stream, place.seed, place.step, before, rows, width)
        if places is not None:
            drawn = tf.gather(drawn, places)
        kept = tf.reshape(drawn, shape) >= tf.constant(threshold, tf.uint16)
        return dropped(inputs, kept, scale=2**16 / (2**16 - threshold))

    def get_config(self):
        return {**super().get_config(), "per": self.per, "stream": self.stream}


def dropped(inputs: tf.Tensor, kept: tf.Tensor, scale: float) -> tf.Tensor:
    """Returns the kept entries times `scale`, and 0 for the others.

    A product: choosing by `kept`, and that again in the gradient, takes CPUs up to three times as
    long.
    """
    return inputs * (tf.cast(kept, inputs.dtype) * tf.cast(scale, inputs.dtype))

"""The sum of token, position and segment embeddings."""

import contextlib
import contextvars
from collections.abc import Callable, Iterator

import keras
import tensorflow as tf

_through: contextvars.ContextVar[Callable[[tf.Tensor], tf.Tensor] | None] = contextvars.ContextVar(
    "through", default=None
)


@contextlib.contextmanager
def embeddings_through(change: Callable[[tf.Tensor], tf.Tensor]) -> Iterator[None]:
    """Lets a function see and change the embeddings of encoders that are called in the body.

    Args:
      change: from and to [tokens, width]; called once for each call of an encoder.
    """
    token = _through.set(change)
    try:
        yield
    finally:
        _through.reset(token)


@keras.saving.register_keras_serializable("keras_bert_cls")
class EmbeddingSum(keras.layers.Layer):
    """Adds embeddings.

    keras.layers.Add fails in eager code where there are no tokens: it takes [0, width] for a bias.

    Call arguments:
      embeddings: a list of [tokens, width].

    Returns:
      [tokens, width].
    """

    def call(self, embeddings):
        summed = sum(embeddings[1:], start=embeddings[0])
        change = _through.get()
        return summed if change is None else change(summed)

    def compute_output_spec(self, embeddings):
        return keras.KerasTensor(embeddings[0].shape, dtype=self.compute_dtype)

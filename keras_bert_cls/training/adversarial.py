"""Adversarial training: the loss where the embeddings are moved to make it worse."""

from collections.abc import Sequence
from typing import Any

import tensorflow as tf

from keras_bert_cls.modeling.embedding_sum import embeddings_through
from keras_bert_cls.training.gradients import LossOf, tape_gradients
from keras_bert_cls.training.objectives import Tensors
from keras_bert_cls.training.row_gradients import Gradient, added


class AdversarialGradients:
    """Gradients of the loss plus the adversarial loss (Miyato et al. 2017, arXiv:1605.07725).

    The adversarial loss is that of embeddings + epsilon * g / ||g||, with g the gradient of the
    loss by the embeddings of one text, all its tokens together, and ||g|| its L2 norm: a text is
    moved the same however a batch is split. Token, position and segment embeddings are summed
    first; moving the sum is moving each occurrence of a token. The paper normalises the
    embeddings, so that they can't outgrow epsilon; here layer normalisation follows them.

    Both passes drop the same units: the step is uphill for the very network that takes it. The
    step is a constant in the second pass: nothing is differentiated twice.

    Args:
      epsilon: length of the step of a text.
      packed: whether the encoder packs tokens.
    """

    def __init__(self, epsilon: float, packed: bool):
        self._epsilon, self._packed = epsilon, packed

    def __call__(
        self, loss_of: LossOf, variables: Sequence[tf.Variable], batch: Tensors
    ) -> tuple[list[Gradient], Any]:
        """See `Gradients`; what is beside the loss is that of the pass on the texts as they are."""
        seen: list[tf.Tensor] = []
        with tf.GradientTape() as tape:

            def keep(embeddings):
                tape.watch(embeddings)
                seen.append(embeddings)
                return embeddings

            with embeddings_through(keep):
                loss, rest = loss_of()
        if not seen:
            raise ValueError("the model has no EmbeddingSum whose output could be moved")
        found = tape_gradients(tape, loss, [*variables, *seen])
        plain, uphill = found[: len(variables)], found[len(variables) :]
        steps = iter([self.step(gradient, batch["padding_mask"]) for gradient in uphill])

        def move(embeddings):
            return embeddings + tf.cast(next(steps), embeddings.dtype)

        with tf.GradientTape() as tape, embeddings_through(move):
            loss, _ = loss_of()
        moved = tape_gradients(tape, loss, variables)
        return [added(a, b) for a, b in zip(plain, moved, strict=True)], rest

    def step(self, gradient: tf.Tensor, padding_mask: tf.Tensor) -> tf.Tensor:
        """Returns how the embeddings are moved.

        Args:
          gradient: [tokens, width], any float; as the encoder lays its tokens out.
          padding_mask: int [batch, length].

        Returns:
          float32 [tokens, width]; 0 for texts whose gradient is 0, such as padding rows.
        """
        gradient = tf.cast(gradient, tf.float32)
        # Only the direction matters: the squares of small gradients would be 0.
        largest = tf.reduce_max(tf.abs(gradient), axis=1)
        shape = tf.shape(padding_mask)
        if self._packed:
            places = tf.where(padding_mask > 0)
            rows = places[:, 0]
        else:
            places, rows = None, tf.repeat(tf.range(shape[0]), shape[1])

        def by_text(values):
            # No two tokens have one place, so that no order of additions is left open.
            if places is None:
                return tf.reshape(values, shape)
            return tf.scatter_nd(places, values, tf.cast(shape, tf.int64))

        peak = tf.gather(tf.reduce_max(by_text(largest), axis=1), rows)[:, tf.newaxis]
        gradient = tf.math.divide_no_nan(gradient, peak)
        squares = by_text(tf.reduce_sum(tf.square(gradient), axis=1))
        norms = tf.gather(tf.sqrt(tf.reduce_sum(squares, axis=1)), rows)[:, tf.newaxis]
        return self._epsilon * tf.math.divide_no_nan(gradient, norms)

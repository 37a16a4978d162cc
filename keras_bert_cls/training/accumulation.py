"""Sums over the pieces in which the gradient of a batch is computed."""

from collections.abc import Callable, Sequence
from typing import Any

import tensorflow as tf

from keras_bert_cls.training.row_gradients import Gradient, added, once, spec_in_loop

# From the number of a piece and the place where it starts to the place of the next, and sums.
PieceAt = Callable[[tf.Tensor, Any], tuple[Any, Sequence[Gradient], tf.Tensor]]


def sum_over_pieces(
    piece_at: PieceAt,
    pieces: int,
    start: Any,
    nothing: tuple[Sequence[Gradient], tf.Tensor],
) -> tuple[list[Gradient], tf.Tensor]:
    """Returns sums of gradients, in which no row stands twice, and of measures.

    Args:
      piece_at: computes the gradients and the measures of a piece.
      pieces: how many there are.
      start: the place of the first piece, any structure of tensors.
      nothing: gradients and measures of 0.
    """
    if pieces == 1:
        _, gradients, measures = piece_at(tf.constant(0), start)
        return [once(gradient) for gradient in gradients], measures

    def add(index, place, gradients, measures):
        place, more, new = piece_at(index, place)
        # TensorFlow melts additions into one of many terms, whose order depends on which thread is
        # faster, but not those that wait for something.
        with tf.control_dependencies([new]):
            gradients = [once(added(a, b)) for a, b in zip(gradients, more, strict=True)]
        return index + 1, place, gradients, measures + new

    # A loop in the graph: memory and compile time do not grow with the pieces.
    state = (tf.constant(0), start, list(nothing[0]), nothing[1])
    specs = (
        tf.TensorShape([]),
        tf.nest.map_structure(lambda tensor: tensor.shape, start),
        [spec_in_loop(gradient) for gradient in state[2]],
        nothing[1].shape,
    )
    return tf.while_loop(
        lambda index, *_: index < pieces,
        add,
        state,
        shape_invariants=specs,
        parallel_iterations=1,
    )[2:]

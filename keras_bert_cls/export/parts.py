"""Rows computed a part at a time, so that the memory does not grow with their number."""

from collections.abc import Callable, Sequence

import tensorflow as tf


def run_in_parts(
    rows: tf.Tensor,
    end_of: Callable[[tf.Tensor], tf.Tensor],
    body: Callable[[tf.Tensor, tf.Tensor], Sequence[tf.Tensor]],
    empty: Sequence[tf.Tensor],
) -> list[tf.Tensor]:
    """Computes rows in parts, one after the other, and joins what comes out.

    Args:
      rows: int32 scalar, how many.
      end_of: start → the row after the part that begins there; a part has a row at least.
      body: (start, end) → tensors with a row for each row of the part.
      empty: what `body` would return for no rows.

    Returns:
      The tensors of all rows.
    """

    def step(start, *done):
        end = tf.clip_by_value(end_of(start), start + 1, rows)
        joined = zip(done, body(start, end), strict=True)
        return end, *(tf.concat(pair, axis=0) for pair in joined)

    invariants = [tf.TensorShape([None] * tensor.shape.rank) for tensor in empty]
    _, *outputs = tf.while_loop(
        lambda start, *_: start < rows,
        step,
        [tf.constant(0), *empty],
        shape_invariants=[tf.TensorShape([]), *invariants],
        parallel_iterations=1,
    )
    return outputs

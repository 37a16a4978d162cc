"""Gradients of a table by rows: of the token embedding a batch reads some rows out of many."""

from collections.abc import Sequence
from typing import TypeAlias

import keras
import tensorflow as tf

from keras_bert_cls.training.parameter_rules import TOKEN_EMBEDDING

# Dense, or tf.IndexedSlices: rows and which ones they are, where a row may stand more than once.
Gradient: TypeAlias = tf.Tensor | tf.IndexedSlices


def as_they_are_kept(
    gradients: Sequence[Gradient], variables: Sequence[keras.Variable]
) -> list[Gradient]:
    """Returns gradients dense, but for rows of the token embedding: other tables are small.

    It has rows where it is only looked up; as an output layer it has a dense gradient.

    Args:
      gradients: as a tape gives them, one for each variable.
      variables: what they are of.
    """
    kept: list[Gradient] = []
    for gradient, variable in zip(gradients, variables, strict=True):
        if isinstance(gradient, tf.IndexedSlices) and variable.path == TOKEN_EMBEDDING:
            kept.append(_rows(gradient.values, gradient.indices, variable))
        else:
            kept.append(tf.convert_to_tensor(gradient))
    return kept


def no_gradient(variable: keras.Variable, as_rows: bool) -> Gradient:
    """Returns a gradient of 0: of no rows, if it is the token embedding's and is to be rows."""
    if not (as_rows and variable.path == TOKEN_EMBEDDING):
        return tf.zeros(variable.shape, variable.dtype)
    empty = tf.zeros([0, variable.shape[1]], variable.dtype)
    return _rows(empty, tf.zeros([0], tf.int32), variable)


def spec_in_loop(gradient: Gradient) -> tf.TypeSpec:
    """Returns what holds for a gradient to which more is added: the number of rows is open."""
    if not isinstance(gradient, tf.IndexedSlices):
        return tf.TensorSpec.from_tensor(gradient)
    width, dtype = gradient.values.shape[1], gradient.dtype
    return tf.IndexedSlicesSpec([None, width], dtype, tf.int32, tf.int64, indices_shape=[None])


def once(gradient: Gradient) -> Gradient:
    """Returns a gradient in which no row stands twice; equal ones are summed in their order."""
    if not isinstance(gradient, tf.IndexedSlices):
        return gradient
    indices, places = tf.unique(gradient.indices)
    rows = tf.math.unsorted_segment_sum(gradient.values, places, tf.size(indices))
    return tf.IndexedSlices(rows, indices, gradient.dense_shape)


def added(one: Gradient, other: Gradient) -> Gradient:
    """Returns the sum of two gradients of a weight: rows if both are, in which some stand twice."""
    if isinstance(one, tf.IndexedSlices) and isinstance(other, tf.IndexedSlices):
        values = tf.concat([one.values, other.values], axis=0)
        indices = tf.concat([one.indices, other.indices], axis=0)
        return tf.IndexedSlices(values, indices, one.dense_shape)
    return tf.convert_to_tensor(one) + tf.convert_to_tensor(other)


def summed_over_replicas(gradients: Sequence[Gradient], as_rows: bool) -> list[Gradient]:
    """Returns the sum of all replicas' gradients; to be called in replica context.

    Args:
      gradients: of this replica.
      as_rows: whether what was rows is rows again, those that are not 0. On its way it is dense:
        TensorFlow's collectives take tensors of one shape only in all rounds of a loop.
    """
    context = tf.distribute.get_replica_context()
    if context.num_replicas_in_sync == 1:
        return list(gradients)
    dense = [tf.convert_to_tensor(gradient) for gradient in gradients]
    summed = context.all_reduce(tf.distribute.ReduceOp.SUM, dense)
    return [
        _not_zero(whole) if as_rows and isinstance(own, tf.IndexedSlices) else whole
        for whole, own in zip(summed, gradients, strict=True)
    ]


def _not_zero(gradient: tf.Tensor) -> tf.IndexedSlices:
    indices = tf.where(tf.reduce_any(gradient != 0, axis=1))[:, 0]
    shape = tf.shape(gradient, tf.int64)
    return tf.IndexedSlices(tf.gather(gradient, indices), tf.cast(indices, tf.int32), shape)


def _rows(values: tf.Tensor, indices: tf.Tensor, variable: keras.Variable) -> tf.IndexedSlices:
    shape = tf.constant(tuple(variable.shape), tf.int64)
    return tf.IndexedSlices(values, tf.cast(indices, tf.int32), shape)

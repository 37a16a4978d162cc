"""Random numbers by place: what is drawn for a row does not depend on who draws it.

A counter-based generator (Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3") makes
any part of a large array without the rest. So two replicas that share a batch draw what one would
have drawn, and a step draws the same in every process.
"""

import zlib

import tensorflow as tf

_PHILOX = 1
_WORDS_PER_COUNT = 4  # what Philox makes of one value of its counter


def random_words(stream: str, seed, step, first_row, rows, width) -> tf.Tensor:
    """Returns rows of an endless matrix of random numbers.

    Args:
      stream: names the matrix; another name gives another one.
      seed: int scalar in [0, 2**32).
      step: int64 scalar of at least 0; another step gives another matrix.
      first_row: int scalar, the first row to return.
      rows: int scalar, how many.
      width: int scalar, columns; another width gives another matrix.

    Returns:
      uint32 [rows, width], uniform.
    """
    counts = (width + _WORDS_PER_COUNT - 1) // _WORDS_PER_COUNT
    key = tf.bitwise.left_shift(tf.cast(seed, tf.uint64), tf.constant(32, tf.uint64))
    key = tf.bitwise.bitwise_or(key, tf.constant(zlib.crc32(stream.encode()), tf.uint64))
    start = tf.cast(first_row, tf.int64) * tf.cast(counts, tf.int64)
    words = tf.raw_ops.StatelessRandomUniformFullIntV2(
        shape=tf.stack([rows, counts * _WORDS_PER_COUNT]),
        key=key[tf.newaxis],
        counter=tf.stack([tf.cast(start, tf.uint64), tf.cast(step, tf.uint64)]),
        alg=_PHILOX,
        dtype=tf.uint32,
    )
    return words[:, :width]


def random_halves(stream: str, seed, step, first_row, rows, width) -> tf.Tensor:
    """Returns uint16 [rows, width], at half the price of `random_words`; see there."""
    words = random_words(stream, seed, step, first_row, rows, (width + 1) // 2)
    return tf.reshape(tf.bitcast(words, tf.uint16), [rows, -1])[:, :width]


def random_uniform(stream: str, seed, step, first_row, rows, width) -> tf.Tensor:
    """Returns float32 [rows, width] in [0, 1); see `random_words`."""
    words = random_words(stream, seed, step, first_row, rows, width)
    # What float32 can tell apart between 0 and 1.
    return tf.cast(tf.bitwise.right_shift(words, tf.constant(8, tf.uint32)), tf.float32) * 2.0**-24

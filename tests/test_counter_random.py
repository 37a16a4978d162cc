"""Random numbers by place."""

import numpy as np
import pytest
import tensorflow as tf

from keras_bert_cls.counter_random import random_halves, random_uniform, random_words

SEED, STEP = tf.constant(7), tf.constant(11, tf.int64)
KINDS = [random_words, random_halves, random_uniform]


def run(kind, first_row=0, rows=40, width=6, stream="a", seed=SEED, step=STEP):
    return kind(stream, seed, step, first_row, rows, width).numpy()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("width", [1, 2, 3, 4, 8, 9, 17])
@pytest.mark.parametrize("jit", [False, True])
def test_a_part_is_what_the_whole_has_there(kind, width, jit):
    whole = run(kind, width=width)
    assert whole.shape == (40, width)

    @tf.function(jit_compile=jit)
    def part(first_row):
        return kind("a", SEED, STEP, first_row, 9, width)

    for first_row in (0, 1, 13, 31):
        drawn = part(tf.constant(first_row, tf.int64)).numpy()
        np.testing.assert_array_equal(drawn, whole[first_row : first_row + 9])


@pytest.mark.parametrize("kind", KINDS)
def test_names_seeds_and_steps_give_other_numbers(kind):
    seen = [
        run(kind),
        run(kind, stream="b"),
        run(kind, seed=tf.constant(8)),
        run(kind, seed=tf.constant(2**32 - 1, tf.int64)),
        run(kind, step=tf.constant(12, tf.int64)),
    ]
    np.testing.assert_array_equal(seen[0], run(kind))
    for i, one in enumerate(seen):
        for other in seen[:i]:
            assert (one == other).mean() < 0.02


def test_numbers_are_uniform():
    words = run(random_words, rows=1000, width=40).ravel()
    halves = run(random_halves, rows=1000, width=40).ravel()
    uniform = run(random_uniform, rows=1000, width=40).ravel()
    assert words.dtype == np.uint32 and halves.dtype == np.uint16 and uniform.dtype == np.float32
    assert uniform.min() >= 0 and uniform.max() < 1
    for values in (words / 2**32, halves / 2**16, uniform):
        counts, _ = np.histogram(values, bins=20, range=(0, 1))
        expected = len(values) / 20
        # Chi-squared with 19 degrees of freedom: above 43.8 once in a thousand.
        assert ((counts - expected) ** 2 / expected).sum() < 43.8

"""Averages of weights against plain arithmetic."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_bert_cls.training.weight_average import WeightAverage

VALUES = np.random.default_rng(2).normal(size=(40, 3)).astype(np.float32)


@pytest.fixture
def followed():
    variable = keras.Variable(VALUES[0], name="weight")
    return variable, WeightAverage([variable], 0.75)


def expected(decay: float, made) -> np.ndarray:
    average = VALUES[0].astype(np.float64)
    for number in made:
        rate = min(decay, (1 + number) / (10 + number))
        average = rate * average + (1 - rate) * VALUES[number]
    return average


def average_of(average) -> np.ndarray:
    return average.state["weight"].numpy()


def test_follows_the_weights(followed):
    variable, average = followed
    for number in range(1, len(VALUES)):
        variable.assign(VALUES[number])
        average.update(tf.constant(number, tf.int64))
    np.testing.assert_allclose(average_of(average), expected(0.75, range(1, 40)), rtol=1e-5)
    np.testing.assert_array_equal(variable.numpy(), VALUES[-1])


def test_an_update_that_was_not_made_moves_nothing(followed):
    variable, average = followed
    update = tf.function(average.update)
    for number in range(1, 10):
        variable.assign(VALUES[number])
        before = average_of(average)
        made = number % 3 > 0
        update(tf.constant(number, tf.int64), tf.constant(made))
        assert (average_of(average) == before).all() != made
    np.testing.assert_allclose(average_of(average), expected(0.75, (1, 2, 4, 5, 7, 8)), rtol=1e-5)


def test_stands_in_for_the_weights(followed):
    variable, average = followed
    average.state["weight"].assign(VALUES[5])

    def evaluate() -> list[float]:
        return variable.numpy().tolist()

    assert average.judged_by(evaluate)() == VALUES[5].tolist()
    np.testing.assert_array_equal(variable.numpy(), VALUES[0])
    with pytest.raises(RuntimeError), average.in_place():
        raise RuntimeError
    np.testing.assert_array_equal(variable.numpy(), VALUES[0])
    average.put_in_place()
    np.testing.assert_array_equal(variable.numpy(), VALUES[5])
    np.testing.assert_array_equal(average_of(average), VALUES[5])

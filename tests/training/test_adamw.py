"""AdamW against Keras' and against float64 numpy."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_bert_cls.training.adamw import AdamW
from keras_bert_cls.training.parameter_rules import ParameterRule

SHAPES = {"kernel": (5, 3), "bias": (3,), "gamma": ()}
DECAYED = ParameterRule("", 1.0, 0.1)
BETAS = {"beta_1": 0.8, "beta_2": 0.95, "epsilon": 1e-5}


def variables(seed: int = 0) -> list[keras.Variable]:
    random = np.random.default_rng(seed)
    return [
        keras.Variable(random.normal(size=shape).astype(np.float32), name=name)
        for name, shape in SHAPES.items()
    ]


def gradients(step: int) -> list[np.ndarray]:
    random = np.random.default_rng(100 + step)
    # Of sizes from 1e-6 to 1e2, so that epsilon matters for some.
    return [
        (random.normal(size=shape) * 10.0 ** random.integers(-6, 3)).astype(np.float32)
        for shape in SHAPES.values()
    ]


def apply(optimizer: AdamW, step: int, rate: float, only_if=None) -> None:
    condition = None if only_if is None else tf.constant(only_if)
    optimizer.apply(
        [tf.constant(gradient) for gradient in gradients(step)],
        tf.constant(rate, tf.float32),
        tf.constant(step + 1, tf.int64),
        condition,
    )


def test_equals_keras_where_epsilon_does_not_matter():
    ours, theirs = variables(), variables()
    settings = {**BETAS, "epsilon": 1e-12}
    optimizer = AdamW(ours, [DECAYED] * 3, **settings)
    reference = keras.optimizers.AdamW(1e-2, weight_decay=0.1, **settings)
    for step in range(20):
        apply(optimizer, step, 1e-2)
        reference.apply([tf.constant(gradient) for gradient in gradients(step)], theirs)
    for one, other in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(one.numpy(), other.numpy(), rtol=0, atol=1e-6)


def test_equals_numpy_in_float64_with_a_rule_for_each_weight():
    rules = [
        ParameterRule("", 1.0, 0.1),
        ParameterRule("", 0.5, 0.0),
        ParameterRule("", 2.0, 0.3),
    ]
    ours = variables()
    optimizer = AdamW(ours, rules, **BETAS)
    weights = [variable.numpy().astype(np.float64) for variable in ours]
    first = [np.zeros_like(weight) for weight in weights]
    second = [np.zeros_like(weight) for weight in weights]
    for step in range(20):
        rate = 0.02 / (step + 1)
        apply(optimizer, step, rate)
        for i, gradient in enumerate(gradients(step)):
            gradient = gradient.astype(np.float64)
            own_rate = rate * rules[i].learning_rate
            weights[i] *= 1 - own_rate * rules[i].weight_decay
            first[i] = 0.8 * first[i] + 0.2 * gradient
            second[i] = 0.95 * second[i] + 0.05 * gradient**2
            # Loshchilov and Hutter 2019, algorithm 2; so does torch.optim.AdamW.
            mean = first[i] / (1 - 0.8 ** (step + 1))
            root = np.sqrt(second[i] / (1 - 0.95 ** (step + 1)))
            weights[i] -= own_rate * mean / (root + 1e-5)
    for variable, weight in zip(ours, weights, strict=True):
        np.testing.assert_allclose(variable.numpy(), weight, rtol=0, atol=1e-6)


def test_a_skipped_update_changes_nothing():
    ours = variables()
    optimizer = AdamW(ours, [DECAYED] * 3)
    apply(optimizer, 0, 1e-2, only_if=True)
    state = tf.nest.flatten(optimizer.state)
    before = [variable.numpy() for variable in [*ours, *state]]
    apply(optimizer, 1, 1e-2, only_if=False)
    for variable, value in zip([*ours, *state], before, strict=True):
        np.testing.assert_array_equal(variable.numpy(), value)
    apply(optimizer, 1, 1e-2, only_if=True)
    assert all((v.numpy() != b).any() for v, b in zip([*ours, *state], before, strict=True))


@pytest.mark.parametrize("frozen", [0, 2])
def test_frozen_weights_are_left_out(frozen):
    ours = variables()
    rules = [DECAYED] * 3
    rules[frozen] = ParameterRule("", 0.0, 0.1)
    optimizer = AdamW(ours, rules)
    expected = [variable.path for index, variable in enumerate(ours) if index != frozen]
    assert [variable.path for variable in optimizer.variables] == expected
    assert list(optimizer.state["first"]) == list(optimizer.state["second"]) == expected

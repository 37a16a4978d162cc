"""Learning rates against their definition in plain Python."""

import math

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from keras_bert_cls.training.schedules import learning_rate_schedule


def rates(kind: str, total: int, share: float, peak: float = 0.5) -> np.ndarray:
    schedule = learning_rate_schedule(kind, peak, total, share)
    return schedule(tf.range(total + 1, dtype=tf.int64)).numpy()


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("linear", [0.1, 0.2, 0.3, 0.4, 0.5, 0.4, 0.3, 0.2, 0.1, 0]),
        ("constant", [0.1, 0.2, 0.3, 0.4, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5]),
        (
            "cosine",
            [0.1, 0.2, 0.3, 0.4, *(0.25 * (1 + math.cos(math.pi * i / 5)) for i in range(6))],
        ),
    ],
)
def test_warm_up_and_decay(kind, expected):
    # Nine steps, five of them warm-up; the tenth rate is that after the end.
    np.testing.assert_allclose(rates(kind, 9, 5 / 9), expected, atol=1e-7)


@pytest.mark.parametrize("kind", ["linear", "cosine", "constant"])
@settings(max_examples=50, deadline=None)
@given(total=st.integers(1, 300), share=st.floats(0, 1))
def test_every_step_learns_and_the_peak_is_reached_once(kind, total, share):
    values = rates(kind, total, share)
    steps = values[:-1]
    assert steps.min() > 0
    assert steps.max() == pytest.approx(0.5)
    top = int(steps.argmax())
    assert (np.diff(steps[: top + 1]) > 0).all()
    assert (np.diff(steps[top:]) <= 1e-7).all()
    if kind != "constant":
        assert values[-1] == pytest.approx(0, abs=1e-7)
        assert (np.diff(steps[top:]) < 0).all()


def test_the_rate_is_exact_far_into_a_long_run():
    schedule = learning_rate_schedule("linear", 1.0, 2_000_000, 0.0)
    assert float(schedule(tf.constant(1_000_000, tf.int64))) == pytest.approx(0.5, abs=1e-6)

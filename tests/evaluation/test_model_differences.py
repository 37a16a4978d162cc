"""Two models on the same rows: McNemar's test and the paired bootstrap."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics

from keras_bert_cls.evaluation.bootstrap import Bootstrap
from keras_bert_cls.evaluation.comparison import label_differences, mcnemar, value_differences


@given(st.integers(0, 25), st.integers(0, 25), st.integers(0, 5))
@settings(max_examples=50, deadline=None)
def test_mcnemars_test_is_the_binomial_one(only_first, only_second, both):
    first = np.array([True] * only_first + [False] * only_second + [True] * both, bool)
    second = np.array([False] * only_first + [True] * only_second + [True] * both, bool)
    found = mcnemar(first, second)
    assert (found["only_first"], found["only_second"]) == (only_first, only_second)
    differing = only_first + only_second
    tail = sum(math.comb(differing, k) for k in range(min(only_first, only_second) + 1))
    assert found["p_value"] == pytest.approx(min(1, 2 * tail / 2**differing))


def test_differences_are_those_of_the_scores():
    random = np.random.default_rng(0)
    targets = random.integers(4, size=300)
    first, second = (
        np.where(random.random(300) < right, targets, random.integers(4, size=300))
        for right in (0.9, 0.6)
    )
    found = label_differences(targets, first, second, "single_label", 4, Bootstrap())
    for name, score in (
        ("accuracy", metrics.accuracy_score),
        ("macro_f1", lambda *rows: metrics.f1_score(*rows, average="macro")),
    ):
        difference = score(targets, first) - score(targets, second)
        assert found[name]["value"] == pytest.approx(difference)
        assert 0 < found[name]["low"] < difference < found[name]["high"]
    # The paired difference a row is -1, 0 or 1: its spread is that of the mean.
    paired = (first == targets).astype(int) - (second == targets)
    width = 2 * 1.96 * paired.std() / np.sqrt(300)
    assert found["accuracy"]["high"] - found["accuracy"]["low"] == pytest.approx(width, rel=0.1)


def test_a_model_does_not_differ_from_itself():
    random = np.random.default_rng(1)
    targets, predictions = random.integers(3, size=(2, 50))
    nothing = {"value": 0, "low": 0, "high": 0}
    found = label_differences(targets, predictions, predictions, "single_label", 3, Bootstrap(50))
    assert all(difference == nothing for difference in found.values())
    values = value_differences(targets + 0.5, predictions, predictions, Bootstrap(50))
    assert all(difference == nothing for difference in values.values())


def test_differences_of_values():
    random = np.random.default_rng(2)
    targets = random.normal(size=200)
    good, bad = (targets + random.normal(size=200) * scale for scale in (0.1, 1.0))
    found = value_differences(targets, good, bad, Bootstrap(200))
    expected = np.abs(good - targets).mean() - np.abs(bad - targets).mean()
    assert found["mae"]["value"] == pytest.approx(expected)
    assert found["mae"]["high"] < 0
    assert found["pearson"]["low"] > 0

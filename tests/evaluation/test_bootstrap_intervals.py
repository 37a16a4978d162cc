"""Intervals: what must hold of any, and the distribution that they come from."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keras_bert_cls.evaluation.bootstrap import Bootstrap, estimate, proportion
from keras_bert_cls.evaluation.classification_scores import score_labels
from keras_bert_cls.evaluation.label_counts import group_rows
from keras_bert_cls.evaluation.regression_scores import score_values
from keras_bert_cls.proportions import wilson_interval


def test_shares_have_wilsons_interval():
    low, high = wilson_interval(3, 7)
    assert proportion(3, 7) == {"value": 3 / 7, "low": low, "high": high}
    assert proportion(0, 0) == {"value": 0.0, "low": 0.0, "high": 1.0}


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2)), min_size=1, max_size=40))
@settings(max_examples=50, deadline=None)
def test_intervals_of_labels_are_sound(pairs):
    targets, predictions = np.array(pairs).T
    found = score_labels(targets, predictions, "single_label", 3, Bootstrap(200))
    assert found == score_labels(targets, predictions, "single_label", 3, Bootstrap(200))
    for name, score in found.items():
        assert (-1 if name == "mcc" else 0) <= score["low"] <= score["high"] <= 1
    accuracy = found["accuracy"]
    assert accuracy["low"] <= accuracy["value"] <= accuracy["high"]
    if (targets == predictions).all():
        assert (accuracy["low"], accuracy["high"]) == (1, 1)


def test_groups_are_drawn_as_often_as_their_rows_would_be():
    sizes = np.array([70, 25, 5])
    draws = np.concatenate(list(Bootstrap(4000, seed=3).counts(sizes)))
    assert draws.shape == (4000, 3)
    assert (draws.sum(axis=1) == 100).all()
    shares = sizes / 100
    assert draws.mean(axis=0) == pytest.approx(sizes, abs=0.3)
    assert draws.std(axis=0) == pytest.approx(np.sqrt(100 * shares * (1 - shares)), rel=0.05)
    covariance = np.cov(draws[:, 0], draws[:, 1])[0, 1]
    assert covariance == pytest.approx(-100 * shares[0] * shares[1], rel=0.1)


def test_more_rows_narrow_the_interval():
    random = np.random.default_rng(0)
    widths = []
    for rows in (50, 500, 5000):
        right = random.random(rows) < 0.8
        targets = np.zeros(rows, int)
        found = score_labels(targets, 1 - right, "single_label", 2, Bootstrap())["accuracy"]
        widths.append(found["high"] - found["low"])
    expected = [2 * 1.96 * np.sqrt(0.8 * 0.2 / rows) for rows in (50, 500, 5000)]
    assert widths == pytest.approx(expected, rel=0.25)


def test_the_number_of_samples_is_what_was_asked_for():
    for samples in (1, 99, 100, 101, 250):
        bootstrap = Bootstrap(samples)
        assert sum(len(part) for part in bootstrap.counts(np.array([3, 4]))) == samples
        assert sum(len(part) for part in bootstrap.rows(7)) == samples


def test_another_seed_is_another_interval():
    values = np.random.default_rng(1).normal(size=(2, 60))
    one, other = (score_values(*values, Bootstrap(seed=seed))["mae"] for seed in (0, 1))
    assert one["value"] == other["value"]
    assert one["low"] != other["low"]


def test_a_rare_label_that_draws_miss_does_not_pull_macro_f1_down():
    targets = np.arange(40)
    found = score_labels(targets, targets, "single_label", 40, Bootstrap())["macro_f1"]
    assert found == {"value": 1.0, "low": 1.0, "high": 1.0}


def test_quantiles_are_those_of_the_draws():
    draws = np.arange(1001) / 1000
    assert estimate(0.4, draws) == pytest.approx({"value": 0.4, "low": 0.025, "high": 0.975})


def test_equal_rows_are_one_group():
    targets, predictions = np.array([0, 1, 0, 0]), np.array([0, 0, 0, 1])
    (groups,) = group_rows(targets, predictions, labels=2)
    assert sorted(groups.sizes.tolist()) == [1, 1, 2]

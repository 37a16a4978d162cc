"""Scores against scikit-learn and scipy."""

import warnings

import numpy as np
import pytest
import scipy.stats
import sklearn.metrics
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from keras_bert_cls.training.metrics import (
    multi_label_scores,
    regression_scores,
    single_label_scores,
)

COUNT = 5
NAMES = tuple("abcde")

# Labels up to 3 of 5: two never occur among the targets.
ids = st.integers(1, 40).flatmap(
    lambda rows: st.tuples(
        arrays.arrays(np.int32, rows, elements=st.integers(0, 3)),
        arrays.arrays(np.int64, rows, elements=st.integers(0, COUNT - 1)),
    )
)
matrices = st.integers(1, 20).flatmap(
    lambda rows: st.tuples(
        arrays.arrays(np.float32, (rows, COUNT), elements=st.sampled_from([0.0, 1.0])),
        arrays.arrays(np.bool_, (rows, COUNT)),
    )
)
values = st.integers(1, 30).flatmap(
    lambda rows: st.tuples(
        *(arrays.arrays(np.float32, rows, elements=st.floats(-1e3, 1e3, width=32)),) * 2
    )
)


def check_labels(scores, targets, predictions):
    reference = sklearn.metrics.precision_recall_fscore_support(
        targets, predictions, labels=range(COUNT), zero_division=0
    )
    found = [[s.precision, s.recall, s.f1, s.support] for s in scores.labels]
    np.testing.assert_allclose(found, np.transpose(reference), atol=1e-12)
    assert [score.label for score in scores.labels] == list(NAMES)


def f1(average, targets, predictions):
    return sklearn.metrics.f1_score(
        targets, predictions, labels=range(COUNT), average=average, zero_division=0
    )


@settings(max_examples=50, deadline=None)
@given(ids)
def test_single_label(pair):
    targets, predictions = pair
    scores = single_label_scores(targets, predictions, NAMES)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of scikit-learn, where there is only one label
        expected = {
            "accuracy": sklearn.metrics.accuracy_score(targets, predictions),
            "macro_f1": f1("macro", targets, predictions),
            "micro_f1": f1("micro", targets, predictions),
            "mcc": sklearn.metrics.matthews_corrcoef(targets, predictions),
        }
    assert scores.values == pytest.approx(expected, abs=1e-12)
    check_labels(scores, targets, predictions)


def test_mcc_of_many_rows_does_not_overflow():
    targets = np.arange(3_000_000, dtype=np.int32) % 2
    scores = single_label_scores(targets, 1 - targets, ("a", "b"))
    assert scores.values["mcc"] == pytest.approx(-1)


@settings(max_examples=50, deadline=None)
@given(matrices)
def test_multi_label(pair):
    targets, predictions = pair
    scores = multi_label_scores(targets, predictions, NAMES)
    expected = {
        "micro_f1": f1("micro", targets, predictions),
        "macro_f1": f1("macro", targets, predictions),
        "subset_accuracy": sklearn.metrics.accuracy_score(targets, predictions),
    }
    assert scores.values == pytest.approx(expected, abs=1e-12)
    check_labels(scores, targets, predictions)


@settings(max_examples=50, deadline=None)
@given(values)
def test_regression(pair):
    targets, predictions = pair
    scores = regression_scores(targets, predictions).values
    error = sklearn.metrics.mean_absolute_error(
        targets.astype(np.float64), predictions.astype(np.float64)
    )
    assert scores["mean_absolute_error"] == pytest.approx(error, rel=1e-9)
    assert abs(scores["pearson"]) <= 1 + 1e-9


def test_pearson():
    random = np.random.default_rng(0)
    targets = random.normal(1e4, 1, 100).astype(np.float32)
    predictions = (targets + random.normal(0, 1, 100)).astype(np.float32)
    expected = scipy.stats.pearsonr(targets.astype(np.float64), predictions.astype(np.float64))
    found = regression_scores(targets, predictions).values["pearson"]
    assert found == pytest.approx(expected.statistic, abs=1e-9)


def test_pearson_of_equal_predictions_is_zero():
    # The float mean of many 0.1 is not 0.1: the deviations are not all zero.
    predictions = np.full(1001, 0.1)
    assert predictions.mean() != 0.1
    targets = np.linspace(0, 1, 1001)
    assert regression_scores(targets, predictions).values["pearson"] == 0
    assert regression_scores(predictions, targets).values["pearson"] == 0

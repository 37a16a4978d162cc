"""Calibration, coverage, rejection and out of scope, by hand on small cases."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score, roc_curve

from keras_bert_cls.evaluation.calibration import calibration
from keras_bert_cls.evaluation.out_of_scope import score_out_of_scope
from keras_bert_cls.evaluation.selective import (
    THRESHOLDS,
    rejection,
    risk_coverage,
    threshold_table,
)

ROWS = st.lists(st.tuples(st.integers(0, 20), st.booleans()), min_size=1, max_size=60)


def test_the_calibration_error_by_hand():
    confidences = np.array([0.9, 0.9, 0.9, 0.9, 0.5, 0.5, 1.0])
    correct = np.array([True, True, True, False, True, False, True])
    found = calibration(confidences, correct)
    # Bins of 1/15: four of 0.9 with 3/4 right, two of 0.5 with 1/2 right, one of 1.0 that is right.
    assert found["ece"] == pytest.approx(4 / 7 * 0.15)
    assert found["mean_confidence"] == pytest.approx(confidences.mean())
    filled = {k: b for k, b in enumerate(found["bins"]) if b["rows"]}
    assert {k: b["rows"] for k, b in filled.items()} == {7: 2, 13: 4, 14: 1}
    assert filled[13]["confidence"] == pytest.approx(0.9)
    assert filled[13]["accuracy"]["value"] == 0.75
    assert (found["bins"][0]["low"], found["bins"][-1]["high"]) == (0, 1)


@given(ROWS)
@settings(max_examples=50, deadline=None)
def test_the_calibration_error_is_that_of_the_bins(rows):
    confidences, correct = np.array([c / 20 for c, _ in rows]), np.array([r for _, r in rows])
    found = calibration(confidences, correct)
    gaps = [
        b["rows"] * abs(b["confidence"] - b["accuracy"]["value"])
        for b in found["bins"]
        if b["rows"]
    ]
    assert found["ece"] == pytest.approx(sum(gaps) / len(rows))
    assert sum(b["rows"] for b in found["bins"]) == len(rows)


def test_risk_over_coverage_by_hand():
    confidences = np.array([0.6, 0.9, 0.8, 0.7])
    correct = np.array([True, True, False, True])
    found = risk_coverage(confidences, correct)
    expected = [(0.9, 0.25, 1), (0.8, 0.5, 0.5), (0.7, 0.75, 2 / 3), (0.6, 1, 0.75)]
    points = [tuple(point.values()) for point in found["points"]]
    np.testing.assert_allclose(points, expected)
    assert found["aurc"] == pytest.approx((0 + 1 / 2 + 1 / 3 + 1 / 4) / 4)
    assert found["aurc_best"] == pytest.approx((0 + 0 + 0 + 1 / 4) / 4)


@given(ROWS)
@settings(max_examples=50, deadline=None)
def test_the_area_is_the_mean_risk_at_each_rows_own_threshold(rows):
    confidences, correct = np.array([c / 20 for c, _ in rows]), np.array([r for _, r in rows])
    risks = [1 - correct[confidences >= confidence].mean() for confidence in confidences]
    found = risk_coverage(confidences, correct)
    assert found["aurc"] == pytest.approx(np.mean(risks))
    assert found["points"][-1]["coverage"] == 1
    assert found["points"][-1]["accuracy"] == pytest.approx(correct.mean())
    distinct = np.arange(len(rows)) / len(rows)
    best_first = np.where(correct, 1 + distinct, distinct)
    best = risk_coverage(best_first, correct)
    assert best["aurc"] == pytest.approx(best["aurc_best"])
    assert found["aurc_best"] == pytest.approx(best["aurc_best"])


def test_a_long_curve_is_thinned_and_keeps_its_ends():
    confidences = np.linspace(0, 1, 5000)
    points = risk_coverage(confidences, np.ones(5000, bool))["points"]
    assert len(points) == 200
    assert (points[0]["threshold"], points[-1]["threshold"]) == (1, 0)


def test_thresholds():
    found = threshold_table(np.array([0.5, 0.9, 0.95]), np.array([False, True, True]))
    assert [line["threshold"] for line in found] == list(THRESHOLDS)
    lines = {line["threshold"]: line for line in found}
    assert lines[0.5]["coverage"] == 1
    assert lines[0.5]["accuracy"]["value"] == pytest.approx(2 / 3)
    assert lines[0.9]["rows"] == 2
    assert lines[0.99] == {"threshold": 0.99, "rows": 0, "coverage": 0, "accuracy": None}


def test_rejection():
    rejected = np.array([True, False, False, True, False])
    correct = np.array([False, True, False, True, True])
    found = rejection(rejected, correct)
    assert (found["rejected"], found["coverage"], found["wrong_rejected"]) == (2, 0.6, 0.5)
    assert found["accuracy"]["value"] == pytest.approx(2 / 3)
    assert rejection(np.zeros(5, bool), correct) is None
    assert rejection(np.ones(5, bool), correct)["accuracy"] is None


@pytest.mark.parametrize("shift", [0, 3, 30])
def test_out_of_scope_against_scikit_learn(shift):
    random = np.random.default_rng(10)
    inside = np.minimum(random.integers(0, 20, 61) + shift, 40) / 40
    outside = random.integers(0, 20, 40) / 40
    found = score_out_of_scope(inside, outside, outside < 0.2)
    truth = np.concatenate([np.ones(61), np.zeros(40)])
    confidences = np.concatenate([inside, outside])
    assert found["auroc"] == pytest.approx(roc_auc_score(truth, confidences))
    false_positives, true_positives, _ = roc_curve(truth, confidences, drop_intermediate=False)
    assert found["fpr95"] == pytest.approx(false_positives[true_positives >= 0.95].min())
    assert found["rejected"] == pytest.approx((outside < 0.2).mean())
    assert found["rows"] == 40

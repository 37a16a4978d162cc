"""Per-label thresholds against trying all of them."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import f1_score

from keras_bert_cls.calibration.f1_thresholds import best_f1_threshold, f1_thresholds

VALUES = [0.0, 0.1, 0.3, np.float32(0.5), np.nextafter(np.float32(0.5), np.float32(0)), 0.8, 1.0]
COLUMNS = st.lists(st.tuples(st.sampled_from(VALUES), st.booleans()), min_size=1, max_size=30)


def f1(targets, selected):
    return f1_score(targets, selected, zero_division=0.0)


@settings(max_examples=60, deadline=None)
@given(COLUMNS)
def test_no_threshold_is_better(rows):
    probabilities, targets = (np.array(column) for column in zip(*rows, strict=True))
    probabilities = probabilities.astype(np.float32)
    found = best_f1_threshold(probabilities, targets)
    assert np.float32(found) == found
    best = max(f1(targets, probabilities >= threshold) for threshold in {*probabilities, 0.5, 2.0})
    assert f1(targets, probabilities >= found) == pytest.approx(best, abs=1e-12)
    if f1(targets, probabilities >= 0.5) == best:
        assert found == 0.5


def test_of_equal_thresholds_that_nearest_to_a_half_is_taken():
    # 1 of 1 or 2 of 4: both have an F1 of 2/3, that of 0.5 is 0.
    probabilities = np.array([0.48, 0.4, 0.3, 0.2], np.float32)
    targets = np.array([True, False, False, True])
    assert best_f1_threshold(probabilities, targets) == pytest.approx(0.44)


def test_labels_with_few_positives_keep_a_half():
    probabilities = np.array([[0.3, 0.3, 0.3], [0.2, 0.2, 0.2], [0.1, 0.1, 0.1]], np.float32)
    targets = np.array([[1, 1, 0], [1, 0, 0], [0, 0, 0]], bool)
    assert f1_thresholds(probabilities, targets, 2) == pytest.approx([0.15, 0.5, 0.5])
    assert f1_thresholds(probabilities, targets, 0) == pytest.approx([0.15, 0.25, 0.5])

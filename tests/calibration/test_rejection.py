"""Thresholds of the reject option against trying all of them."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score, roc_curve

from keras_bert_cls.calibration.cuts import cuts
from keras_bert_cls.calibration.out_of_scope import auroc, fpr95
from keras_bert_cls.calibration.rejection import (
    Goal,
    Guesses,
    label_thresholds,
    rejection_scores,
    rejection_threshold,
)
from keras_bert_cls.errors import UserError

# Few values, so that ties are common, and neighbours that are one value but for rounding.
VALUES = [0.2, 0.25, 0.5, np.float32(0.7), np.nextafter(np.float32(0.7), np.float32(1)), 0.9, 1.0]
ROWS = st.lists(
    st.tuples(
        st.sampled_from(VALUES), st.integers(0, 2), st.sampled_from(["right", "wrong", "out"])
    ),
    min_size=1,
    max_size=40,
)
SHARES = st.sampled_from([0.0, 0.25, 0.5, 0.8, 0.9, 1.0])


def guesses(rows) -> Guesses:
    confidences, labels, kinds = (np.array(column) for column in zip(*rows, strict=True))
    return Guesses(confidences.astype(np.float32), labels, kinds == "right", kinds != "out")


def distinct(values: np.ndarray) -> np.ndarray:
    """The least of each group of values that are equal up to rounding, rising."""
    rising = np.unique(values)
    return rising[np.diff(rising, prepend=-1) > 1e-6]


def tried(given: Guesses):
    """Yields (answered, coverage, accuracy, false positives) of every useful threshold, rising."""
    for threshold in distinct(given.confidences):
        answered = given.confidences >= threshold
        inside, outside = given.in_scope, ~given.in_scope
        yield (
            answered,
            (answered & inside).sum() / max(1, inside.sum()),
            given.right[answered].mean(),
            (answered & outside).sum() / max(1, outside.sum()),
        )


def answered_at(given: Guesses, threshold: float) -> list[bool]:
    return (given.confidences >= np.float32(threshold)).tolist()


@settings(max_examples=100, deadline=None)
@given(ROWS, SHARES)
def test_target_accuracy_answers_as_many_rows_as_it_can(rows, share):
    given = guesses(rows)
    possible = [answered for answered, _, accuracy, _ in tried(given) if accuracy >= share]
    if not possible:
        with pytest.raises(UserError, match="no threshold reaches target_accuracy"):
            rejection_threshold(Goal("target_accuracy", share), given)
        return
    threshold = rejection_threshold(Goal("target_accuracy", share), given)
    assert answered_at(given, threshold) == possible[0].tolist()


@settings(max_examples=100, deadline=None)
@given(ROWS.filter(lambda rows: any(kind != "out" for *_, kind in rows)), SHARES)
def test_target_coverage_answers_as_few_rows_as_it_may(rows, share):
    given = guesses(rows)
    possible = [answered for answered, coverage, *_ in tried(given) if coverage >= share]
    threshold = rejection_threshold(Goal("target_coverage", share), given)
    assert answered_at(given, threshold) == possible[-1].tolist()


@settings(max_examples=100, deadline=None)
@given(ROWS.filter(lambda rows: any(kind == "out" for *_, kind in rows)), SHARES)
def test_target_fpr_answers_as_many_rows_as_it_may(rows, share):
    given = guesses(rows)
    possible = [answered for answered, *_, fpr in tried(given) if fpr <= share]
    if not possible:
        with pytest.raises(UserError, match="no threshold reaches target_fpr"):
            rejection_threshold(Goal("target_fpr", share), given)
        return
    threshold = rejection_threshold(Goal("target_fpr", share), given)
    assert answered_at(given, threshold) == possible[0].tolist()


@settings(max_examples=100, deadline=None)
@given(ROWS.filter(lambda rows: len({kind == "out" for *_, kind in rows}) == 2))
def test_balanced_parts_the_rows_best(rows):
    given = guesses(rows)
    best = max(coverage - fpr for _, coverage, _, fpr in tried(given))
    threshold = rejection_threshold(Goal("balanced"), given)
    answered = np.array(answered_at(given, threshold))
    (found,) = (
        coverage - fpr
        for other, coverage, _, fpr in tried(given)
        if other.tolist() == answered.tolist()
    )
    assert found == pytest.approx(best, abs=1e-12)


@settings(max_examples=100, deadline=None)
@given(ROWS)
def test_thresholds_lie_between_the_values(rows):
    values = guesses(rows).confidences
    found = cuts(values)
    least = distinct(values)[::-1]
    assert found.thresholds.dtype == np.float32
    assert [int((values >= threshold).sum()) for threshold in found.thresholds] == list(
        found.counts
    )
    assert len(found.thresholds) == len(least)
    assert found.thresholds[-1] == 0
    middles = (least[:-1] + least[1:]) / 2
    np.testing.assert_allclose(found.thresholds[:-1], middles, rtol=1e-6)


def test_rounding_splits_no_rows():
    same = np.float32(0.7) + np.float32(1e-7) * np.arange(3, dtype=np.float32)
    found = cuts(np.array([*same, 0.7001, 3e-8, 1e-8], np.float32))
    assert found.counts.tolist() == [1, 4, 5, 6]


def test_reject_below_is_taken_as_it_is():
    assert rejection_threshold(Goal("reject_below", 0.7), guesses([(0.5, 0, "right")])) == 0.7


def test_labels_with_few_rows_share_the_threshold():
    often = [(0.9, 0, "right")] * 4 + [(0.5, 0, "wrong")] * 2
    seldom = [(0.25, 1, "right")] * 3
    hopeless = [(0.9, 2, "wrong")] * 6
    found, own = label_thresholds(
        Goal("target_accuracy", 1.0), guesses([*often, *seldom, *hopeless]), 4, 0.33, 5
    )
    assert found == pytest.approx([0.7, 0.33, 0.33, 0.33])
    assert own == 1


def test_goals_about_rows_out_of_scope_need_enough_of_them_in_a_label():
    rows = [(0.9, 0, "right")] * 9 + [(0.5, 0, "out")]
    assert label_thresholds(Goal("target_fpr", 0.0), guesses(rows), 1, 0.33, 2) == ([0.33], 0)
    found, own = label_thresholds(Goal("target_fpr", 0.0), guesses(rows), 1, 0.33, 1)
    assert (found, own) == (pytest.approx([0.7]), 1)


def test_scores_of_a_rejection():
    inside = [(0.9, 0, "right"), (0.8, 0, "right"), (0.7, 0, "wrong"), (0.6, 1, "right")]
    given = guesses([*inside, (0.9, 1, "out"), (0.3, 1, "out")])
    assert rejection_scores(given, given.confidences > 0.65) == {
        "coverage": 0.75,
        "answered_accuracy": pytest.approx(2 / 3),
        "accuracy": 0.5,
        "out_of_scope_recall": 0.5,
    }


@settings(max_examples=100, deadline=None)
@given(st.lists(st.sampled_from(VALUES), min_size=1), st.lists(st.sampled_from(VALUES), min_size=1))
def test_auroc_and_fpr95(inside, outside):
    inside, outside = np.array(inside, np.float32), np.array(outside, np.float32)
    truth = np.repeat([1, 0], [len(inside), len(outside)])
    confidences = np.concatenate([inside, outside])
    assert auroc(inside, outside) == pytest.approx(roc_auc_score(truth, confidences), abs=1e-12)
    false, true, _ = roc_curve(truth, confidences, drop_intermediate=False)
    assert fpr95(inside, outside) == pytest.approx(false[true >= 0.95].min(), abs=1e-12)

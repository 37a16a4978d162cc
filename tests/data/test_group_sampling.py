"""Rows drawn by group: counts are exact, rows of a group take turns, any slot stands alone."""

import collections

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keras_bert_cls.data.batch_plan import BatchPlan
from keras_bert_cls.data.group_sampling import GroupSampling

GROUPS = np.array([0] * 12 + [1] * 6 + [2] * 2 + [-1] * 3)[np.random.default_rng(0).permutation(23)]


def epoch(sampling: GroupSampling, number: int) -> np.ndarray:
    return sampling.rows_at(np.arange(sampling.epoch_rows), number)


def test_an_epoch_has_the_shares_exactly():
    sampling = GroupSampling.of(GROUPS, np.array([1.0, 2.0, 1.0]), seed=3)
    assert sampling.epoch_rows == 20  # rows of group -1 are not drawn
    for number in range(5):
        counts = collections.Counter(GROUPS[epoch(sampling, number)].tolist())
        assert counts == {0: 5, 1: 10, 2: 5}


def test_rows_of_a_group_are_drawn_equally_often():
    sampling = GroupSampling.of(GROUPS, np.array([1.0, 2.0, 1.0]), seed=3)
    drawn = np.zeros(len(GROUPS), int)
    for number in range(12):
        drawn += np.bincount(epoch(sampling, number), minlength=len(GROUPS))
        for group in range(3):
            assert np.ptp(drawn[np.equal(GROUPS, group)]) <= 1
    # 12 epochs of 5, 10 and 5: whole passes over 12, 6 and 2 rows.
    assert [set(drawn[np.equal(GROUPS, group)]) for group in (0, 1, 2, -1)] == [
        {5},
        {20},
        {30},
        {0},
    ]


def test_orders_differ_by_pass_and_by_seed():
    one_group = np.zeros(50, int)
    sampling = GroupSampling.of(one_group, np.ones(1), seed=1)
    orders = [epoch(sampling, 0), epoch(sampling, 1)]
    orders.append(epoch(GroupSampling.of(one_group, np.ones(1), seed=2), 0))
    assert len({tuple(order) for order in orders}) == 3
    for order in orders:
        assert sorted(order) == list(range(50))


@settings(max_examples=50, deadline=None)
@given(
    sizes=st.lists(st.integers(0, 30), min_size=1, max_size=6).filter(any),
    weights=st.lists(st.floats(0.001, 1000.0), min_size=6, max_size=6),
    number=st.integers(0, 10**6),
)
def test_no_group_is_left_out_and_slots_stand_alone(sizes, weights, number):
    groups = np.repeat(np.arange(len(sizes)), sizes)
    sampling = GroupSampling.of(groups, np.array(weights[: len(sizes)]), seed=0)
    rows = epoch(sampling, number)
    assert len(rows) == sum(sizes)
    assert set(groups[rows]) == set(groups)
    slots = np.random.default_rng(0).permutation(len(rows))
    np.testing.assert_array_equal(sampling.rows_at(slots, number), rows[slots])


@pytest.mark.parametrize("max_tokens", [0, 40])
def test_a_plan_draws_by_group(max_tokens):
    lengths = np.random.default_rng(1).integers(3, 12, len(GROUPS))
    sampling = GroupSampling.of(GROUPS, np.array([1.0, 2.0, 1.0]), seed=3)
    plan = BatchPlan(lengths, 6, max_tokens, seed=3, sampling=sampling)
    assert plan.epoch_rows == 20
    batches = list(plan.epoch_batches(1))
    assert len(batches) == plan.steps_in_epoch(1)
    rows = np.concatenate(batches)
    assert sorted(rows) == sorted(epoch(sampling, 1))
    first = plan.steps_in_epoch(0)
    np.testing.assert_array_equal(plan.rows_of_step(first + 1), batches[1])
    if not max_tokens:
        assert [len(batch) for batch in batches].count(6) == 3

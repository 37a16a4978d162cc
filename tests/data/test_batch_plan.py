"""Which rows make up which batch."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keras_bert_cls.data.batch_plan import BatchPlan, scoring_plan


@st.composite
def plans(draw):
    count = draw(st.integers(1, 400))
    lengths = np.random.default_rng(draw(st.integers(0, 9))).integers(1, 60, count)
    return BatchPlan(
        lengths,
        batch_size=draw(st.integers(1, 12)),
        max_tokens=draw(st.sampled_from([0, 0, 30, 100, 400])),
        seed=draw(st.integers(0, 3)),
        bucket=draw(st.booleans()),
    )


@settings(max_examples=50, deadline=None)
@given(plans(), st.integers(0, 3))
def test_an_epoch_has_every_row_once(plan, epoch):
    batches = list(plan.epoch_batches(epoch))
    np.testing.assert_array_equal(np.sort(np.concatenate(batches)), np.arange(len(plan.lengths)))
    assert plan.steps_in_epoch(epoch) == len(batches)
    for rows in batches:
        assert 1 <= len(rows) <= plan.batch_size
        tokens = len(rows) * plan.lengths[rows].max()
        assert not plan.max_tokens or tokens <= plan.max_tokens or len(rows) == 1


@settings(max_examples=50, deadline=None)
@given(plans(), st.data())
def test_starting_later_gives_the_tail(plan, data):
    total = plan.steps_in_epochs(3)
    assert total == sum(plan.steps_in_epoch(epoch) for epoch in range(3))
    whole = [rows.tolist() for rows in itertools.islice(plan.batches(), total)]
    epochs = [[rows.tolist() for rows in plan.epoch_batches(epoch)] for epoch in range(3)]
    assert whole == list(itertools.chain.from_iterable(epochs))
    start = data.draw(st.integers(0, total - 1))
    tail = [rows.tolist() for rows in itertools.islice(plan.batches(start), total - start)]
    assert tail == whole[start:]
    assert plan.rows_of_step(start).tolist() == whole[start]
    epoch, place = plan.locate(start)
    assert epochs[epoch][place] == whole[start]


def test_locate():
    assert [BatchPlan(np.ones(5), 2).locate(step) for step in (0, 2, 3, 7)] == [
        (0, 0),
        (0, 2),
        (1, 0),
        (2, 1),
    ]
    # Three rows of 10 tokens, two to a batch: two steps an epoch as well.
    plan = BatchPlan(np.full(3, 10), 9, max_tokens=20)
    assert [plan.locate(step) for step in (0, 1, 2, 5)] == [(0, 0), (0, 1), (1, 0), (2, 1)]


def test_the_order_is_new_in_each_epoch_and_with_each_seed():
    lengths = np.ones(100, np.int64)
    orders = [
        [rows.tolist() for rows in BatchPlan(lengths, 10, seed=seed).epoch_batches(epoch)]
        for seed, epoch in [(0, 0), (0, 1), (1, 0)]
    ]
    assert orders[0] != orders[1] != orders[2] != orders[0]
    assert orders[0] == [rows.tolist() for rows in BatchPlan(lengths, 10).epoch_batches(0)]


def padded_tokens(plan, epoch=0):
    return sum(len(rows) * int(plan.lengths[rows].max()) for rows in plan.epoch_batches(epoch))


@pytest.mark.parametrize("max_tokens", [0, 1500])
def test_bucketing_saves_padding(max_tokens):
    lengths = np.random.default_rng(0).integers(5, 100, 5000)
    real = int(lengths.sum())
    mixed = padded_tokens(BatchPlan(lengths, 32, max_tokens, bucket=False)) - real
    sorted_ = padded_tokens(BatchPlan(lengths, 32, max_tokens)) - real
    assert sorted_ < 0.1 * mixed


def test_lengths_come_in_random_order():
    """Training must not see the short rows of a window first."""
    lengths = np.random.default_rng(0).integers(5, 100, 6400)
    means = [lengths[rows].mean() for rows in BatchPlan(lengths, 10).epoch_batches(0)]
    correlation = np.corrcoef(np.arange(64), means[:64])[0, 1]
    assert abs(correlation) < 0.4  # 64 batches are a window; unshuffled it is over 0.99


def test_a_row_over_the_limit_stands_alone():
    lengths = np.array([3, 50, 4, 60, 5])
    batches = list(BatchPlan(lengths, 4, max_tokens=20).epoch_batches(0))
    sizes = {tuple(sorted(lengths[rows].tolist())) for rows in batches}
    assert sizes == {(50,), (60,), (3, 4, 5)}


def test_documents_are_scored_fewer_at_a_time():
    lengths = np.array([500] * 8 + [5000] * 8)
    batches = list(scoring_plan(lengths, 32).epoch_batches(0))
    assert sorted(np.concatenate(batches).tolist()) == list(range(16))
    assert sorted(map(len, batches)) == [2, 3, 3, 8]
    (whole,) = scoring_plan(np.full(32, 512), 32).epoch_batches(0)
    assert len(whole) == 32


def test_lengths_may_be_memory_mapped(tmp_path):
    lengths = np.random.default_rng(0).integers(1, 50, 300)
    lengths.tofile(tmp_path / "lengths.bin")
    mapped = np.memmap(tmp_path / "lengths.bin", np.int64, "r")
    plans = [BatchPlan(values, 8, 100) for values in (lengths, mapped)]
    expected, found = ([rows.tolist() for rows in plan.epoch_batches(0)] for plan in plans)
    assert found == expected

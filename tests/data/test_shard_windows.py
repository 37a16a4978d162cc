"""Which shards are read when."""

import itertools

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from keras_bert_cls.data.shard_windows import ShardWindows, random_order

ROWS = st.lists(st.integers(1, 30), min_size=1, max_size=40)


def shards_of_epoch(windows, epoch):
    first = epoch * windows.windows_in_epoch
    numbers = range(first, first + windows.windows_in_epoch)
    return [windows.shards_of(tf.constant(n, tf.int64)).numpy().tolist() for n in numbers]


@settings(max_examples=30, deadline=None)
@given(ROWS, st.integers(1, 8), st.integers(0, 2**32 - 1), st.integers(0, 3))
def test_windows_hold_every_shard_once(rows, batch_size, seed, epoch):
    windows = ShardWindows(rows, batch_size, seed)
    shards = shards_of_epoch(windows, epoch)
    assert sorted(itertools.chain.from_iterable(shards)) == list(range(len(rows)))
    assert {len(window) for window in shards[:-1]} <= {windows.shards_in_window}
    steps = [-(-sum(rows[shard] for shard in window) // batch_size) for window in shards]
    first = epoch * windows.windows_in_epoch
    assert [windows.steps_in_window(first + place) for place in range(len(shards))] == steps
    assert windows.steps_in_epoch(epoch) == sum(steps)


@settings(max_examples=30, deadline=None)
@given(ROWS, st.integers(1, 8), st.integers(0, 100))
def test_steps_are_located_by_counting(rows, batch_size, step):
    windows = ShardWindows(rows, batch_size, 0)
    counted = (
        (window, place)
        for window in itertools.count()
        for place in range(windows.steps_in_window(window))
    )
    expected = list(itertools.islice(counted, step, step + 5))
    assert windows.locate(step) == expected[0]
    assert list(itertools.islice(windows.places_from(step), 5)) == expected


def test_windows_are_wide_enough_for_large_batches():
    windows = ShardWindows([10] * 100, 32, 0)
    assert windows.shards_in_window == 26  # 8 batches need 256 rows
    assert ShardWindows([1000] * 100, 32, 0).shards_in_window == 4
    assert ShardWindows([10, 10], 32, 0).shards_in_window == 2


def test_orders_differ_between_epochs_and_seeds():
    one, other = ShardWindows([1] * 50, 1, 0), ShardWindows([1] * 50, 1, 1)
    orders = [shards_of_epoch(*which) for which in ((one, 0), (one, 1), (other, 0))]
    assert orders[0] != orders[1] != orders[2] != orders[0]
    assert orders[0] == shards_of_epoch(ShardWindows([1] * 50, 1, 0), 0)


@pytest.mark.parametrize("place", [0, 3])
def test_random_orders_are_uniform(place):
    orders = [random_order("test", 0, tf.constant(step, tf.int64), 4) for step in range(800)]
    counts = np.bincount([order.numpy()[place] for order in orders], minlength=4)
    assert (abs(counts - 200) < 5 * np.sqrt(150)).all()

"""The random order that is computed instead of stored."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keras_bert_cls.data.shuffle import shuffled_rows

SEEDS = st.tuples(st.integers(0, 2**40), st.integers(0, 1000))


@settings(max_examples=50, deadline=None)
@given(st.integers(1, 3000), SEEDS)
def test_every_row_comes_once(count, seed):
    rows = shuffled_rows(np.arange(count), count, seed)
    assert rows.dtype == np.int64
    np.testing.assert_array_equal(np.sort(rows), np.arange(count))


@pytest.mark.parametrize("count", [*range(1, 70), 255, 256, 257, 4095, 4096, 4097, 65536])
def test_every_row_comes_once_at_the_edges(count):
    np.testing.assert_array_equal(
        np.sort(shuffled_rows(np.arange(count), count, (1, 2))), np.arange(count)
    )


@settings(max_examples=50, deadline=None)
@given(st.integers(1, 10**12), SEEDS, st.data())
def test_positions_are_looked_up_one_by_one(count, seed, data):
    positions = data.draw(st.lists(st.integers(0, count - 1), max_size=20, unique=True))
    rows = shuffled_rows(np.array(positions, np.int64), count, seed)
    assert all(0 <= row < count for row in rows)
    assert len(set(rows.tolist())) == len(positions)
    alone = [int(shuffled_rows(np.array(p), count, seed)) for p in positions]
    assert rows.tolist() == alone
    matrix = shuffled_rows(np.array([positions, positions], np.int64), count, seed)
    np.testing.assert_array_equal(matrix, [rows, rows])


def test_the_order_depends_on_every_part_of_the_seed():
    orders = {
        shuffled_rows(np.arange(50), 50, seed).tobytes()
        for seed in [(0, 0), (0, 1), (1, 0), (1, 1), (2, 0)]
    }
    assert len(orders) == 5
    again = shuffled_rows(np.arange(50), 50, (1, 1))
    assert again.tobytes() in orders


@pytest.mark.parametrize("count", [2, 3, 5, 16, 17, 60])
def test_every_place_is_equally_likely(count):
    """Pearson's chi-square test, by its normal approximation."""
    draws = 3000
    seen = np.zeros((count, count))
    for seed in range(draws):
        seen[np.arange(count), shuffled_rows(np.arange(count), count, (7, seed))] += 1
    expected = draws / count
    statistic = ((seen - expected) ** 2 / expected).sum()
    freedom = (count - 1) ** 2
    assert (statistic - freedom) / np.sqrt(2 * freedom) < 4


def test_neighbours_part():
    """Rows that stand together in a file come together as seldom as any others."""
    count, together = 500, 0
    for seed in range(200):
        rows = shuffled_rows(np.arange(count), count, (3, seed))
        together += int((np.diff(rows) == 1).sum())
    expected = 200 * (count - 1) / count
    assert abs(together - expected) < 4 * np.sqrt(expected)

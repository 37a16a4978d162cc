"""Wilson's interval beside scipy's, and why labels of few rows have it and not the bootstrap's."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom, binomtest

from keras_bert_cls.proportions import wilson_interval


@given(st.integers(1, 300), st.data())
@settings(max_examples=50, deadline=None)
def test_the_interval_is_scipys(rows, data):
    hits = data.draw(st.integers(0, rows))
    expected = binomtest(hits, rows).proportion_ci(method="wilson")
    low, high = wilson_interval(hits, rows)
    assert (low, high) == pytest.approx((expected.low, expected.high), abs=1e-12)
    assert 0 <= low <= hits / rows <= high <= 1


def test_nothing_is_known_of_no_rows():
    assert wilson_interval(0, 0) == (0.0, 1.0)


def bootstrap_interval(hits: int, rows: int) -> tuple[float, float]:
    """Returns what infinitely many draws give: quantiles of a binomial distribution."""
    low, high = binom.ppf((0.025, 0.975), rows, hits / rows) / rows
    return low, high


def coverage(interval, rows: int, share: float) -> float:
    """Returns how often the interval holds the true share."""
    hits = np.arange(rows + 1)
    holds = [low <= share <= high for low, high in (interval(int(h), rows) for h in hits)]
    return float(binom.pmf(hits, rows, share) @ holds)


@pytest.mark.parametrize("rows", [5, 10, 20, 50])
def test_of_few_rows_the_bootstrap_says_too_much(rows):
    wilson, bootstrap = (coverage(way, rows, 0.9) for way in (wilson_interval, bootstrap_interval))
    assert wilson > 0.9
    assert bootstrap < wilson

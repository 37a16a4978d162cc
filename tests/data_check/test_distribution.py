"""Shifts between splits."""

import collections

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keras_bert_cls.data_check.distribution import has_shifted, total_variation

COUNTS = st.dictionaries(st.sampled_from("abcde"), st.integers(1, 1000), min_size=1)


@settings(max_examples=50, deadline=None)
@given(COUNTS, COUNTS)
def test_total_variation(one, other):
    shares = np.array([[counts.get(kind, 0) for kind in "abcde"] for counts in (one, other)], float)
    shares /= shares.sum(axis=1, keepdims=True)
    distance = total_variation(one, other)
    assert distance == pytest.approx(np.maximum(shares[0] - shares[1], 0).sum())
    assert total_variation(one, one) == 0
    assert distance == pytest.approx(total_variation(other, one))


def test_samples_of_one_distribution_rarely_shift_and_of_two_do():
    random = np.random.default_rng(5)
    shares = random.dirichlet(np.ones(10))

    def sample(size, given):
        return collections.Counter(random.choice(10, size, p=given).tolist())

    same = [has_shifted(sample(2000, shares), sample(100, shares)) for _ in range(300)]
    assert sum(same) <= 3
    other = random.permutation(shares)
    assert all(has_shifted(sample(2000, shares), sample(100, other)) for _ in range(30))

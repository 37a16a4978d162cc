"""Cutoffs by the cost model, against trying all of them."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keras_bert_cls.errors import UserError
from keras_bert_cls.modeling.adaptive_cutoffs import (
    CostModel,
    adaptive_cutoffs,
    frequency_order,
)
from keras_bert_cls.modeling.adaptive_softmax import AdaptiveSoftmax

# Times in which each of the four terms matters with few labels.
COST = CostModel(constant=5.0, per_product=1e-3, per_logit=1e-2, per_weight=1e-2)


def seconds(counts, cutoffs, hidden_dim, div_value, batch_size) -> float:
    """The time of a training step with some cutoffs, cluster by cluster."""
    counts = sorted(counts, reverse=True)
    ends = [*cutoffs, len(counts)]
    time = COST.seconds(batch_size, cutoffs[0] + len(cutoffs), hidden_dim)
    for number, (start, end) in enumerate(itertools.pairwise(ends), start=1):
        rows = batch_size * sum(counts[start:end]) / sum(counts)
        time += COST.seconds(rows, end - start, int(hidden_dim // div_value**number), hidden_dim)
    return time


@given(
    counts=st.lists(st.integers(0, 1000), min_size=4, max_size=14).filter(any),
    clusters=st.integers(1, 3),
    div_value=st.sampled_from([1.0, 2.0, 4.0]),
    slack=st.sampled_from([0.0, 0.1, 1.0]),
)
@settings(max_examples=60, deadline=None)
def test_the_largest_shortlist_within_the_slack(counts, clusters, div_value, slack):
    found = adaptive_cutoffs(counts, 64, div_value, clusters, batch_size=32, slack=slack, cost=COST)
    times = {
        cutoffs: seconds(counts, cutoffs, 64, div_value, 32)
        for cutoffs in itertools.combinations(range(1, len(counts)), clusters)
    }
    limit = (1 + slack) * min(times.values())
    assert times[found] <= limit * (1 + 1e-9)
    for cutoffs, time in times.items():
        if cutoffs[0] > found[0]:
            assert time > limit * (1 - 1e-9)
        elif cutoffs[0] == found[0]:
            assert time >= times[found] * (1 - 1e-9)


def test_many_labels():
    counts = 1e9 / np.arange(1, 300_001)
    cutoffs = adaptive_cutoffs(np.random.default_rng(0).permutation(counts), 256)
    assert cutoffs == adaptive_cutoffs(counts, 256)
    assert AdaptiveSoftmax(300_000, cutoffs).cutoffs == cutoffs
    # Labels that are used alike leave less to gain by a small shortlist.
    assert adaptive_cutoffs(np.ones(300_000), 256)[0] != cutoffs[0]


def test_products_alone_cost_what_they_count():
    cost = CostModel(0.0, 1.0, 0.0, 0.0)
    assert cost.seconds(rows=3, outputs=5, width=2) == 30
    assert cost.seconds(rows=3, outputs=5, width=2, hidden_dim=4) == 54


def test_frequency_order():
    assert frequency_order([3, 9, 0, 9, 4]).tolist() == [1, 3, 4, 0, 2]


def test_from_counts():
    counts = np.random.default_rng(0).permutation((1e6 / np.arange(1, 1001)).astype(int))
    layer = AdaptiveSoftmax.from_counts(counts, 64, num_clusters=2, head_bias=True, name="top")
    assert (layer.num_classes, layer.name) == (1000, "top")
    assert layer.cutoffs == adaptive_cutoffs(counts, 64, num_clusters=2)
    layer.build((None, 64))
    assert layer.label_order.numpy().tolist() == frequency_order(counts).tolist()


@pytest.mark.parametrize("counts", [[], [0, 0, 0], [1, -1, 2], [1.0, float("nan"), 2], [[1, 2]]])
def test_counts_that_are_none(counts):
    with pytest.raises(UserError, match="counts must be a number of at least 0 for each label"):
        adaptive_cutoffs(counts, 64, num_clusters=1)


def test_too_many_clusters():
    with pytest.raises(UserError, match="3 clusters beside the shortlist need more than 3 labels"):
        adaptive_cutoffs([1, 2, 3], 64, num_clusters=3)
    with pytest.raises(UserError, match=r"give the widths \[4, 1, 0\]. Take fewer clusters"):
        adaptive_cutoffs(range(9), 16, num_clusters=3)
    with pytest.raises(UserError, match="num_clusters must be at least 1"):
        adaptive_cutoffs(range(9), 16, num_clusters=0)

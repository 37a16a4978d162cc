"""Segment pairs in the graph against plain lists."""

import numpy as np
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from keras_bert_cls.data.segment_pairs import replace_second_segments, swap_segments

CLS, SEP, PAD = 101, 102, 0
TOKENS = st.integers(1, 99)
PAIRS = st.tuples(st.lists(TOKENS, max_size=5), st.lists(TOKENS, min_size=1, max_size=6))


def framed(a, b):
    return [CLS, *a, SEP, *b, SEP]


def columns_of(pairs):
    rows = [framed(a, b) for a, b in pairs]
    values = np.full((len(rows), 16), PAD, np.int32)
    for values_of_row, row in zip(values, rows, strict=True):
        values_of_row[: len(row)] = row
    lengths = np.array([len(row) for row in rows], np.int32)
    first_lengths = np.array([len(a) + 2 for a, _ in pairs], np.int32)
    return tuple(map(tf.constant, (values, lengths, first_lengths)))


@settings(max_examples=50, deadline=None)
@given(st.lists(PAIRS, min_size=1, max_size=4))
def test_swap(pairs):
    values, lengths, first_lengths = columns_of(pairs)
    swapped, new_first = swap_segments(values, lengths, first_lengths)
    expected, _, expected_first = columns_of([(b, a) for a, b in pairs])
    np.testing.assert_array_equal(swapped, expected)
    np.testing.assert_array_equal(new_first, expected_first)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(PAIRS, PAIRS), min_size=1, max_size=4))
def test_replace(rows):
    pairs, others = zip(*rows, strict=True)
    replaced, lengths = replace_second_segments(*columns_of(pairs), *columns_of(others))
    for row, ((a, b), (_, other)) in enumerate(rows):
        expected = framed(a, other[: len(b)])
        assert lengths[row] == len(expected)
        assert replaced[row, : len(expected)].numpy().tolist() == expected

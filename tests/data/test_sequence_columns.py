"""Rows with their special tokens but without padding: those of `pack_texts`."""

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from small_vocabulary import VOCABULARY

from keras_bert_cls.data.sequence_columns import framed_rows
from keras_bert_cls.errors import UserError
from keras_bert_cls.text.packing import pack_texts

TEXTS = st.lists(st.integers(0, 30), max_size=12)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(TEXTS, TEXTS), max_size=5), st.booleans(), st.integers(3, 20))
def test_the_rows_are_those_of_pack_texts(rows, pairs, max_length):
    columns = [[row[number] for row in rows] for number in range(1 + pairs)]
    segments = [tf.ragged.constant(column, tf.int32, ragged_rank=1) for column in columns]
    token_ids, lengths, first_lengths = framed_rows(VOCABULARY, segments, max_length)
    packed = {
        name: value.numpy()
        for name, value in pack_texts(VOCABULARY, segments, max_length=max_length).items()
    }
    mask = packed["padding_mask"] > 0
    np.testing.assert_array_equal(token_ids, packed["token_ids"][mask])
    np.testing.assert_array_equal(lengths, mask.sum(axis=1))
    np.testing.assert_array_equal(first_lengths, (mask & (packed["segment_ids"] == 0)).sum(axis=1))


def test_no_room_for_the_special_tokens():
    with pytest.raises(UserError, match="max_length must be at least 2"):
        framed_rows(VOCABULARY, [tf.ragged.constant([[5]])], 1)

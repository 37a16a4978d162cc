import numpy as np
import pytest
import tensorflow as tf
from example_vocabulary import example_vocabulary
from hypothesis import given, settings
from hypothesis import strategies as st

from keras_bert_cls.errors import UserError
from keras_bert_cls.text.packing import pack_texts

VOCABULARY = example_vocabulary()
CLS, SEP, PAD = VOCABULARY.cls_id, VOCABULARY.sep_id, VOCABULARY.pad_id

token_rows = st.lists(st.integers(1000, 1999), max_size=14)


def ragged(rows):
    return tf.RaggedTensor.from_row_lengths(
        tf.constant([token for row in rows for token in row], tf.int32),
        tf.constant([len(row) for row in rows], tf.int64),
    )


def pop_longest_first(first, second, budget):
    """google-research/bert, run_classifier.py, _truncate_seq_pair, as it is described there."""
    first, second = list(first), list(second)
    while len(first) + len(second) > budget:
        longer = first if len(first) > len(second) else second
        longer.pop()
    return first, second


def reference(rows, max_length, multiple, to_max_length):
    """Packs rows of one or two texts with Python lists."""
    packed = []
    for texts in rows:
        budget = max_length - 1 - len(texts)
        kept = [texts[0][:budget]] if len(texts) == 1 else pop_longest_first(*texts, budget)
        tokens, segments = [CLS], [0]
        for number, text in enumerate(kept):
            tokens += [*text, SEP]
            segments += [number] * (len(text) + 1)
        packed.append((tokens, segments))
    length = max((len(tokens) for tokens, _ in packed), default=1)
    length = max_length if to_max_length else min(-(-length // multiple) * multiple, max_length)
    padding = [length - len(tokens) for tokens, _ in packed]
    return {
        "token_ids": [t + [PAD] * n for (t, _), n in zip(packed, padding, strict=True)],
        "segment_ids": [s + [0] * n for (_, s), n in zip(packed, padding, strict=True)],
        "padding_mask": [[1] * (length - n) + [0] * n for n in padding],
    }, length


@pytest.mark.parametrize("segments", [1, 2])
@given(data=st.data())
@settings(max_examples=100, deadline=None)
def test_packing_equals_the_plain_loop(segments, data):
    rows = data.draw(st.lists(st.tuples(*[token_rows] * segments), max_size=5))
    max_length = data.draw(st.integers(1 + segments, 24))
    multiple = data.draw(st.integers(1, 10))
    to_max_length = data.draw(st.booleans())
    packed = pack_texts(
        VOCABULARY,
        [ragged([row[number] for row in rows]) for number in range(segments)],
        max_length=max_length,
        pad_to_multiple_of=multiple,
        pad_to_max_length=to_max_length,
    )
    expected, length = reference(rows, max_length, multiple, to_max_length)
    assert set(packed) == set(expected)
    for name, value in packed.items():
        assert value.dtype == tf.int32
        assert value.shape.as_list() == [len(rows), length]
        np.testing.assert_array_equal(value, np.reshape(expected[name], (len(rows), length)))


def test_all_lengths_of_a_pair():
    """Every way in which two texts can fill, overflow or leave a budget."""
    lengths = [(a, b) for a in range(12) for b in range(12)]
    first = ragged([range(1000, 1000 + a) for a, _ in lengths])
    second = ragged([range(2000, 2000 + b) for _, b in lengths])
    for max_length in range(3, 14):
        packed = pack_texts(
            VOCABULARY, [first, second], max_length=max_length, pad_to_max_length=True
        )
        rows = [(list(range(1000, 1000 + a)), list(range(2000, 2000 + b))) for a, b in lengths]
        expected, _ = reference(rows, max_length, 1, True)
        np.testing.assert_array_equal(packed["token_ids"], expected["token_ids"])


@pytest.mark.parametrize("row_splits_dtype", [tf.int32, tf.int64])
def test_in_tf_function_and_tf_data(row_splits_dtype):
    rows = ragged([[1000, 1001, 1002], []]).with_row_splits_dtype(row_splits_dtype)

    def pack(segment):
        return pack_texts(VOCABULARY, [segment], max_length=4, pad_to_multiple_of=8)

    in_function = tf.function(pack)(rows)
    in_dataset = next(iter(tf.data.Dataset.from_tensors(rows).map(pack)))
    for packed in (in_function, in_dataset):
        assert packed["token_ids"].numpy().tolist() == [
            [CLS, 1000, 1001, SEP],
            [CLS, SEP, PAD, PAD],
        ]


def test_static_shapes():
    specification = tf.RaggedTensorSpec([None, None], tf.int32)

    def shape(**options):
        def pack(segment):
            return pack_texts(VOCABULARY, [segment], max_length=16, **options)

        outputs = tf.function(pack, input_signature=[specification]).get_concrete_function()
        return {tuple(value.shape.as_list()) for value in outputs.structured_outputs.values()}

    assert shape() == {(None, None)}
    assert shape(pad_to_max_length=True) == {(None, 16)}


@pytest.mark.parametrize(
    ("segments", "options", "message"),
    [
        (0, {"max_length": 8}, "one or two segments"),
        (3, {"max_length": 8}, "one or two segments"),
        (1, {"max_length": 1}, "at least 2"),
        (2, {"max_length": 2}, "at least 3"),
        (1, {"max_length": 8, "pad_to_multiple_of": 0}, "pad_to_multiple_of"),
    ],
)
def test_wrong_arguments(segments, options, message):
    with pytest.raises(UserError, match=message):
        pack_texts(VOCABULARY, [ragged([[1000]])] * segments, **options)

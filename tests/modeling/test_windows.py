"""Windows against plain Python: which tokens they hold, and how they are pooled."""

import itertools

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from plain_windows import plain_pool, plain_windows

from keras_bert_cls.errors import UserError
from keras_bert_cls.modeling.document_config import POOLINGS, DocumentConfig
from keras_bert_cls.modeling.windows import ExpandWindows, PoolWindows

NAMES = ("token_ids", "segment_ids", "padding_mask")


@st.composite
def batches(draw):
    """Lengths of documents and of the padded batch, and the sizes of windows."""
    lengths = draw(st.lists(st.integers(0, 60), min_size=1, max_size=5))
    length = max(1, *lengths) + draw(st.integers(0, 9))
    size = draw(st.integers(8, 30))
    return lengths, length, size, draw(st.integers(0, size - 3))


def documents_of(lengths, length) -> dict[str, np.ndarray]:
    """Every token of the batch is another number, those at padding too."""
    token_ids = np.arange(1, len(lengths) * length + 1, dtype=np.int32).reshape(-1, length)
    mask = (np.arange(length) < np.array(lengths)[:, np.newaxis]).astype(np.int32)
    return {"token_ids": token_ids, "segment_ids": token_ids % 2, "padding_mask": mask}


def windows_in(found, document: int) -> list[list[int]]:
    """Returns the real tokens of a document's windows."""
    places = found["slots"][document]
    windows = [place - 1 for place in places.tolist() if place]
    return [
        found["token_ids"][window][found["padding_mask"][window] > 0].tolist() for window in windows
    ]


@given(batches())
@settings(max_examples=80, deadline=None)
def test_windows_are_those_of_plain_python(batch):
    lengths, length, size, overlap = batch
    documents = documents_of(lengths, length)
    tensors = ExpandWindows(size, overlap)(**documents)
    found = {name: value.numpy() for name, value in tensors.items()}
    assert found["token_ids"].shape[1] == min(size, length)
    assert len(found["rows"]) == len(found["token_ids"]) == np.count_nonzero(found["slots"])
    np.testing.assert_array_equal(
        found["slots"].ravel()[found["rows"]], np.arange(len(found["rows"])) + 1
    )
    real = found["padding_mask"] > 0
    np.testing.assert_array_equal(found["segment_ids"][real], found["token_ids"][real] % 2)
    for number, count in enumerate(lengths):
        tokens = documents["token_ids"][number, :count].tolist()
        windows = windows_in(found, number)
        assert windows == plain_windows(tokens, size, overlap)
        # What the reference promises, said once more without it.
        assert set().union(*windows) == set(tokens)
        assert (len(windows) == 1) == (count <= size)
        for one, following in itertools.pairwise(windows):
            assert one[-1 - overlap : -1] == following[1 : 1 + overlap]
            assert len(one) == size


def test_a_hole_in_the_mask_stays_a_hole():
    documents = documents_of([20], 24)
    documents["padding_mask"][0, 7] = 0
    found = ExpandWindows(12, 2)(**documents)
    tokens = [windows_in({k: v.numpy() for k, v in found.items()}, 0)]
    whole = plain_windows(list(range(1, 21)), 12, 2)
    assert tokens == [[[token for token in window if token != 8] for window in whole]]


def test_the_same_in_eager_mode_a_graph_and_a_data_pipeline():
    layer, documents = ExpandWindows(12, 3), documents_of([31, 5, 12, 0], 32)
    eager = layer(**documents)
    specs = [tf.TensorSpec([None, None], tf.int32) for _ in NAMES]
    graph = tf.function(lambda *a: layer(*a), input_signature=specs)(
        *(documents[name] for name in NAMES)
    )
    dataset = tf.data.Dataset.from_tensors(documents).map(lambda batch: layer(**batch))
    for found in (graph, next(iter(dataset))):
        assert found.keys() == eager.keys()
        for name, value in eager.items():
            np.testing.assert_array_equal(found[name], value)


def test_no_documents():
    found = ExpandWindows(12, 3)(**documents_of(np.zeros(0, int), 16))
    assert found["token_ids"].shape == (0, 12)
    assert PoolWindows("mean")(tf.zeros([0, 5]), found["rows"], found["slots"]).shape == (0, 5)


@pytest.mark.parametrize("pooling", POOLINGS)
def test_pooling(pooling):
    documents = documents_of([70, 3, 25], 72)
    windows = ExpandWindows(12, 3)(**documents)
    slots = windows["slots"].numpy()
    random = np.random.default_rng(0)
    x = random.normal(size=(len(windows["rows"]), 5)).astype(np.float32)
    layer = PoolWindows(pooling)
    first = layer(x, windows["rows"], windows["slots"]).numpy()
    query = None
    if pooling == "attention":
        mean = PoolWindows("mean")(x, windows["rows"], windows["slots"])
        np.testing.assert_array_equal(first, mean)
        query = random.normal(size=5)
        layer.query.assign(query)
    variable = tf.Variable(x)
    with tf.GradientTape() as tape:
        pooled = layer(variable, windows["rows"], windows["slots"])
    gradient = tape.gradient(pooled, variable).numpy()
    for number, places in enumerate(slots):
        own = places[places > 0] - 1
        expected = plain_pool(x[own].astype(np.float64), pooling, query)
        np.testing.assert_allclose(pooled[number], expected, atol=1e-6)
        if pooling != "attention":  # each number's gradients add up to 1
            np.testing.assert_allclose(gradient[own].sum(axis=0), 1, atol=1e-6)
    one = slots[1][0] - 1
    np.testing.assert_array_equal(pooled[1], x[one])


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"overlap": 3}, "overlap is given, but window_length is 0"),
        ({"pooling": "max"}, "pooling is given, but window_length is 0"),
        ({"window_length": 7}, "window_length must be 0 or at least 8, got 7"),
        ({"window_length": -1}, "window_length must be 0 or at least 8, got -1"),
        ({"window_length": 16}, "overlap must be in [0, 14)"),
        ({"window_length": 64, "overlap": -1}, "overlap must be in [0, 62)"),
        ({"window_length": 64, "pooling": "maxx"}, "Did you mean 'max'?"),
    ],
)
def test_problems(fields, problem):
    (found,) = DocumentConfig(**fields).problems()
    assert problem in found
    with pytest.raises(UserError, match="the document config is wrong"):
        DocumentConfig(**fields).validate(512)


def test_good_configs():
    assert DocumentConfig().problems() == []
    DocumentConfig(64, 0, "max").validate(64)
    with pytest.raises(UserError, match="64, but the encoder has 63 positions"):
        DocumentConfig(64, 0).validate(63)
    with pytest.raises(UserError, match="there are no windows"):
        DocumentConfig().validate(63)

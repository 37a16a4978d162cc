"""AdaptiveSoftmax against torch's numbers, and its answers against the full log-probabilities."""

import json
import pathlib

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from keras_bert_cls.errors import UserError
from keras_bert_cls.modeling.adaptive_softmax import AdaptiveSoftmax

GOLDEN = json.loads(pathlib.Path(__file__).with_name("adaptive_softmax_golden.json").read_text())
HIDDEN = 9


def golden_layer(case) -> AdaptiveSoftmax:
    layer = AdaptiveSoftmax(**case["settings"], dtype="float64")
    layer.build((None, HIDDEN))
    assert {weight.name for weight in layer.weights} == set(case["weights"])
    for weight in layer.weights:
        weight.assign(case["weights"][weight.name])
    return layer


def random_layer(num_classes=50, cutoffs=(7, 20, 33), seed=0, scale=1.0, **arguments):
    """A float64 layer with random weights."""
    layer = AdaptiveSoftmax(num_classes, cutoffs, 2.0, True, **{"dtype": "float64", **arguments})
    layer.build((None, HIDDEN))
    generator = np.random.default_rng(seed)
    for weight in layer.trainable_weights:
        weight.assign(generator.normal(0, scale, weight.shape))
    return layer


def random_hidden(*shape: int, seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(*shape, HIDDEN))


def shuffled(size: int, seed: int = 2) -> np.ndarray:
    return np.random.default_rng(seed).permutation(size)


def loss_and_gradients(layer, hidden, target, scale=1.0):
    """Returns the losses, and the gradients of `scale` * their mean by hidden and each weight."""
    hidden = tf.convert_to_tensor(hidden)
    variables = [weight.value for weight in layer.trainable_weights]
    with tf.GradientTape() as tape:
        tape.watch(hidden)
        losses = layer.loss(hidden, target)
        scaled = scale * tf.reduce_mean(losses)
    gradients = tape.gradient(scaled, [hidden, *variables])
    return losses, [tf.convert_to_tensor(gradient).numpy() for gradient in gradients]


@pytest.mark.parametrize("case", GOLDEN["cases"].values(), ids=GOLDEN["cases"])
def test_equals_torch(case):
    layer = golden_layer(case)
    hidden = np.array(case["hidden"])
    losses, (by_hidden, *by_weight) = loss_and_gradients(layer, hidden, case["target"])

    def assert_equal(found, expected):
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-10)

    assert_equal(losses, -np.array(case["output"]))
    assert_equal(tf.reduce_mean(losses), case["loss"])
    assert_equal(layer(hidden, np.array(case["target"])), case["output"])
    assert_equal(layer.log_prob(hidden), case["log_prob"])
    assert_equal(layer(hidden), case["log_prob"])
    assert layer.predict(hidden).numpy().tolist() == case["predict"]
    assert_equal(by_hidden, case["hidden_gradient"])
    for weight, gradient in zip(layer.trainable_weights, by_weight, strict=True):
        assert_equal(gradient, case["gradients"][weight.name])


@pytest.mark.parametrize("case", GOLDEN["constructor"], ids=str)
def test_refuses_what_torch_refuses(case):
    def construct():
        return AdaptiveSoftmax(case["num_classes"], case["cutoffs"], 1.0)

    if case["refused"]:
        with pytest.raises(UserError, match="cutoffs must be one or more whole numbers"):
            construct()
    else:
        assert list(construct().cutoffs) == case["cutoffs"]


def test_other_wrong_arguments():
    with pytest.raises(UserError, match="div_value must be over 0, got 0"):
        AdaptiveSoftmax(9, [3], 0)
    for order in ([0, 1, 1], [0, 1], [1, 2, 3], [[0, 1, 2]]):
        with pytest.raises(UserError, match="label_order must hold each label from 0 to 2 once"):
            AdaptiveSoftmax(3, [1], label_order=order)
    with pytest.raises(UserError, match=r"hidden states of 16 and div_value 4.0 give \[4, 1, 0\]"):
        AdaptiveSoftmax(9, [3, 5, 7]).build((None, 16))
    with pytest.raises(UserError, match="k must be from 1 to num_classes = 50, got 51"):
        random_layer().top_k(random_hidden(2), 51)


@given(
    size=st.integers(2, 40),
    data=st.data(),
    scale=st.sampled_from([0.1, 1.0, 5.0]),
    ordered=st.booleans(),
)
@settings(max_examples=40, deadline=None)
def test_methods_agree(size, data, scale, ordered):
    cutoffs = data.draw(st.sets(st.integers(1, size - 1), min_size=1, max_size=3).map(sorted))
    order = None if ordered else shuffled(size)
    layer = random_layer(size, cutoffs, scale=scale, label_order=order)
    hidden = random_hidden(data.draw(st.integers(0, 6)))
    full = layer.log_prob(hidden).numpy()
    np.testing.assert_allclose(np.exp(full).sum(axis=1), 1, rtol=1e-12)
    target = data.draw(
        st.lists(st.integers(0, size - 1), min_size=len(full), max_size=len(full)).map(np.array)
    ).astype(np.int64)
    picked = np.take_along_axis(full, target[:, np.newaxis], axis=1)[:, 0]
    np.testing.assert_allclose(layer.loss(hidden, target), -picked, rtol=1e-12, atol=1e-12)
    k = data.draw(st.integers(1, size))
    top = layer.top_k(hidden, k)
    best = np.argsort(-full, axis=1, kind="stable")[:, :k]
    np.testing.assert_array_equal(top.labels, best)
    # TensorFlow makes 0 of subnormal numbers.
    np.testing.assert_allclose(
        top.probabilities,
        np.exp(np.take_along_axis(full, best, axis=1)),
        rtol=1e-12,
        atol=np.finfo(np.float64).tiny,
    )
    np.testing.assert_array_equal(layer.predict(hidden), best[:, 0])


def test_label_order_renames_the_labels():
    order = shuffled(50)
    plain, renamed = random_layer(), random_layer(label_order=order)
    hidden, ranks = random_hidden(30), np.random.default_rng(3).integers(0, 50, 30)
    np.testing.assert_array_equal(plain.loss(hidden, ranks), renamed.loss(hidden, order[ranks]))
    np.testing.assert_array_equal(
        plain.log_prob(hidden), renamed.log_prob(hidden).numpy()[:, order]
    )
    np.testing.assert_array_equal(order[plain.predict(hidden)], renamed.predict(hidden))


def test_any_leading_dimensions():
    layer, hidden = random_layer(label_order=shuffled(50)), random_hidden(3, 4)
    target = np.random.default_rng(3).integers(0, 50, (3, 4))
    flat = hidden.reshape(12, HIDDEN)
    for found, expected in (
        (layer.loss(hidden, target), layer.loss(flat, target.ravel())),
        (layer.log_prob(hidden), layer.log_prob(flat)),
        (layer.predict(hidden), layer.predict(flat)),
        (layer.top_k(hidden, 3).labels, layer.top_k(flat, 3).labels),
        (layer.top_k(hidden, 3).probabilities, layer.top_k(flat, 3).probabilities),
    ):
        assert found.shape[:2] == (3, 4)
        np.testing.assert_allclose(tf.reshape(found, expected.shape), expected, rtol=1e-12)
    assert layer.loss(flat[0], 49).shape == layer.predict(flat[0]).shape == ()


@pytest.mark.parametrize("k", [1, 4])
def test_clusters_are_computed_only_where_they_can_win(k, monkeypatch):
    layer, hidden = random_layer(), random_hidden(200)
    full = layer.log_prob(hidden).numpy()
    head = tf.nn.log_softmax(layer.head_logits(tf.constant(hidden))).numpy()
    computed: dict[int, list[np.ndarray]] = {1: [], 2: [], 3: []}
    tail_logits = layer.tail_logits

    def noting(number, rows):
        computed[number].append(rows.numpy())
        return tail_logits(number, rows)

    monkeypatch.setattr(layer, "tail_logits", noting)
    monkeypatch.setattr("keras_bert_cls.modeling.adaptive_search._BLOCK", 300)
    predicted = layer.top_k(hidden, k).labels[:, 0].numpy()
    for number, first in enumerate(layer.cutoffs, start=1):
        gate = head[:, layer.cutoffs[0] + number - 1]
        kth = np.sort(full[:, :first], axis=1)[:, -k]
        assert {len(some) for some in computed[number]} <= set(range(1, 300 // 13 + 1))
        np.testing.assert_array_equal(np.concatenate(computed[number]), hidden[gate > kth])
        assert 0 < (gate > kth).sum() < 200
    # Clusters that lead the head win with one of their labels in some rows, and lose in others.
    leading = head.argmax(axis=1) >= layer.cutoffs[0]
    assert 0 < (predicted[leading] >= layer.cutoffs[0]).sum() < leading.sum()
    assert (predicted[~leading] < layer.cutoffs[0]).all()


def test_the_more_frequent_of_equal_labels_is_predicted():
    order = shuffled(50)
    layer = random_layer(scale=0.0, label_order=order)
    # Weights of 0: the labels of a cluster share what a label of the shortlist has alone.
    assert layer.predict(random_hidden(1)).numpy().tolist() == [order[0]]
    assert layer.top_k(random_hidden(1), 9).labels.numpy().tolist() == [order[:9].tolist()]


@pytest.mark.parametrize("label", [-1, 50])
@pytest.mark.parametrize("order", [None, shuffled(50)], ids=["ordered", "shuffled"])
def test_a_target_that_is_no_label(label, order):
    layer = random_layer(label_order=order)
    loss = tf.function(layer.loss)
    for function in (layer.loss, loss):
        with pytest.raises(tf.errors.InvalidArgumentError, match=r"must be in \[0, 50\)"):
            function(tf.constant(random_hidden(3)), tf.constant([1, label, 2]))


@pytest.mark.parametrize("jit_compile", [False, True])
def test_graphs_of_unknown_batch_size(jit_compile):
    layer = random_layer(label_order=shuffled(50))

    @tf.function(
        input_signature=[tf.TensorSpec([None, HIDDEN], tf.float64), tf.TensorSpec([None])],
        jit_compile=jit_compile,
        autograph=False,
    )
    def in_graph(hidden, target):
        return loss_gradients_in_graph(layer, hidden, tf.cast(target, tf.int32))

    # All clusters, one, and none of the rows.
    for target in (np.arange(50), np.full(5, layer.label_order[49]), np.zeros(1)):
        hidden = random_hidden(len(target))
        expected = loss_gradients_in_graph(
            layer, tf.constant(hidden), tf.constant(target, tf.int32)
        )
        for found, wanted in zip(
            in_graph(hidden, target.astype(np.float32)), expected, strict=True
        ):
            np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-12)


def loss_gradients_in_graph(layer, hidden, target):
    variables = [weight.value for weight in layer.trainable_weights]
    with tf.GradientTape() as tape:
        tape.watch(hidden)
        losses = layer.loss(hidden, target)
    return [losses, *map(tf.convert_to_tensor, tape.gradient(losses, [hidden, *variables]))]


def shapes_in(graph) -> list[tf.TensorShape]:
    """Returns the shapes of all tensors of a graph and the functions that it calls."""
    shapes = [output.shape for operation in graph.get_operations() for output in operation.outputs]
    for function in graph._functions.values():
        shapes += shapes_in(getattr(function, "graph", None) or function.func_graph)
    return shapes


def test_training_and_top_k_make_no_tensor_over_all_labels():
    layer = random_layer(label_order=shuffled(50))

    def wide(function, *arguments):
        concrete = tf.function(function, autograph=False).get_concrete_function(*arguments)
        shapes = shapes_in(concrete.graph)
        assert [None, 17] in [list(shape) for shape in shapes if shape.rank == 2]  # a cluster
        return [shape for shape in shapes if shape.rank not in (None, 0, 1) and 50 in shape]

    hidden = tf.TensorSpec([None, HIDDEN], tf.float64)
    target = tf.TensorSpec([None], tf.int32)
    assert wide(lambda h, t: loss_gradients_in_graph(layer, h, t), hidden, target) == []
    assert wide(lambda h: layer.top_k(h, 5), hidden) == []
    assert wide(layer.log_prob, hidden) != []


@pytest.mark.parametrize("tied", [True, False])
def test_embed(tied):
    order = shuffled(50)
    layer = random_layer(label_order=order, tied_projections=tied)
    projections = layer.projections if tied else layer.input_projections
    assert len(layer.input_projections) == (0 if tied else 3)
    parts = [layer.head.numpy()[:7]]
    for tail, projection in zip(layer.tails, projections, strict=True):
        parts.append(tail.numpy() @ projection.numpy())
    expected = np.concatenate(parts)[np.argsort(order)]
    labels = np.random.default_rng(3).integers(0, 50, (6, 20))
    np.testing.assert_allclose(layer.embed(labels), expected[labels], rtol=1e-12)


def test_embed_needs_tied_projections():
    for layer in (random_layer(), AdaptiveSoftmax(9, [3], tied_projections=True)):
        with pytest.raises(UserError, match="embed needs a layer made with tied_projections"):
            layer.embed([0])


@pytest.mark.parametrize(
    ("policy", "tolerance"), [("float32", 1e-5), ("mixed_float16", 5e-3), ("mixed_bfloat16", 5e-2)]
)
def test_precision(policy, tolerance):
    exact, layer = (random_layer(dtype=dtype, scale=0.3) for dtype in ("float64", policy))
    hidden, target = random_hidden(64), np.arange(64) % 50
    expected, expected_gradients = loss_and_gradients(exact, hidden, target)
    scale = 1024.0 if policy == "mixed_float16" else 1.0
    low = hidden.astype(np.float32)
    losses, gradients = loss_and_gradients(layer, low, target, scale)
    assert losses.dtype == layer.log_prob(low).dtype == layer(low).dtype == tf.float32
    assert {weight.dtype for weight in layer.trainable_weights} == {"float32"}
    np.testing.assert_allclose(losses, expected, rtol=0, atol=tolerance)
    for gradient, wanted in zip(gradients, expected_gradients, strict=True):
        difference = np.linalg.norm(gradient / scale - wanted)
        assert difference <= tolerance * np.linalg.norm(wanted)
    # Probabilities are normalised in float32 whatever the products were computed in.
    sums = tf.reduce_sum(tf.exp(layer.log_prob(low)), axis=1)
    np.testing.assert_allclose(sums, 1, rtol=1e-5)
    half = keras.ops.cast(low, layer.compute_dtype)
    np.testing.assert_allclose(layer.loss(half, target), losses, rtol=0, atol=tolerance)


def test_initial_weights_are_uniform_as_in_torch():
    layer = AdaptiveSoftmax(3000, [1000], 4.0)
    layer.build((None, 64))
    for weight, width in ((layer.head, 64), (layer.projections[0], 64), (layer.tails[0], 16)):
        assert 0.98 / np.sqrt(width) < np.abs(weight.numpy()).max() <= 1 / np.sqrt(width)

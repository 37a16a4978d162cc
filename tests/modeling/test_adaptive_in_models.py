"""AdaptiveSoftmax in models: files, exports, Keras' fit, the distributed loop."""

import json
import math
import pathlib
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf
from small_encoders import SMALL

from keras_bert_cls.export.finding import errors
from keras_bert_cls.export.op_check import check_ops
from keras_bert_cls.export.op_tables import SERVERS, OpTable
from keras_bert_cls.export.saved_graph import SavedGraph, read_saved_model
from keras_bert_cls.modeling.adaptive_cutoffs import AdaptiveShape
from keras_bert_cls.modeling.adaptive_softmax import AdaptiveSoftmax
from keras_bert_cls.modeling.encoder import copy_shared_weights
from keras_bert_cls.modeling.head_settings import HeadSettings
from keras_bert_cls.modeling.models import classifier_model

LABELS, HIDDEN = 40, 8
INPUTS = np.random.default_rng(0).normal(size=(6, HIDDEN)).astype(np.float32)


def small_model(**arguments) -> keras.Model:
    """Layer and a dense one below it, with random weights."""
    order = np.random.default_rng(1).permutation(LABELS)
    layer = AdaptiveSoftmax(
        LABELS, [5, 20], 2.0, **{"label_order": order, **arguments}, name="adaptive"
    )
    x = keras.Input((HIDDEN,), name="x")
    hidden = keras.layers.Dense(16, "tanh")(x)
    model = keras.Model(x, {"hidden": hidden, "log_prob": layer(hidden)})
    random = np.random.default_rng(2)
    for weight in model.trainable_weights:
        weight.assign(random.normal(size=weight.shape))
    return model


def top_labels(model: keras.Model):
    return model.get_layer("adaptive").top_k(model(INPUTS)["hidden"], 7)


@pytest.mark.parametrize(
    "arguments",
    [
        {"head_bias": True, "tied_projections": False},
        {"label_order": None, "kernel_initializer": keras.initializers.TruncatedNormal(0.02)},
        {"dtype": "mixed_bfloat16", "tied_projections": True},
    ],
    ids=["all weights", "no order", "mixed"],
)
def test_keras_files(arguments, tmp_path):
    model = small_model(**arguments)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert [weight.path for weight in loaded.weights] == [weight.path for weight in model.weights]
    for found, expected in zip(loaded.weights, model.weights, strict=True):
        np.testing.assert_array_equal(found.numpy(), expected.numpy())
    np.testing.assert_array_equal(top_labels(loaded).labels, top_labels(model).labels)
    np.testing.assert_array_equal(loaded(INPUTS)["log_prob"], model(INPUTS)["log_prob"])
    assert json.dumps(loaded.get_config()) == json.dumps(model.get_config())


FRESH = """
import json, sys
import numpy as np, tensorflow as tf
inputs = np.array(json.loads(sys.argv[3]), np.float32)
served = tf.saved_model.load(sys.argv[2]).signatures["serving_default"](x=tf.constant(inputs))
assert "keras_bert_cls" not in sys.modules
import keras_bert_cls, keras
model = keras.saving.load_model(sys.argv[1])
own = model.get_layer("adaptive").top_k(model(inputs)["hidden"], 7)._asdict()
print(json.dumps([{name: found[name].numpy().tolist() for name in own} for found in (served, own)]))
"""


def test_a_fresh_process_loads_both_files(tmp_path):
    model = small_model()
    model.save(tmp_path / "model.keras")
    export(model, tmp_path / "export")
    arguments = [str(tmp_path / "model.keras"), str(tmp_path / "export")]
    done = subprocess.run(
        [sys.executable, "-c", FRESH, *arguments, json.dumps(INPUTS.tolist())],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    expected = top_labels(model)
    for found in json.loads(done.stdout.splitlines()[-1]):
        assert found["labels"] == expected.labels.numpy().tolist()
        np.testing.assert_allclose(found["probabilities"], expected.probabilities, atol=1e-6)


def export(model: keras.Model, folder: pathlib.Path) -> None:
    """Writes a signature of the 7 best labels as our exports do: only values are tracked."""

    @tf.function(input_signature=[tf.TensorSpec([None, HIDDEN], name="x")], autograph=False)
    def serve(x):
        return model.get_layer("adaptive").top_k(model(x)["hidden"], 7)._asdict()

    module = tf.Module()
    module.weights = [weight.value for weight in model.weights]
    tf.saved_model.save(module, str(folder), signatures=serve)


def test_servers_have_the_ops_of_an_export(tmp_path):
    export(small_model(), tmp_path / "export")
    (meta_graph,) = read_saved_model(tmp_path / "export").meta_graphs
    graph = SavedGraph(meta_graph)
    assert {"TopKV2", "LogSoftmax"} <= {place.node.op for place in graph.places()}
    for server in SERVERS:
        assert errors(check_ops(graph, OpTable(server))) == []


@pytest.mark.parametrize("cutoffs", [(5, 20), (5, 25)])
def test_a_head_is_taken_over_as_a_whole_or_not_at_all(cutoffs):
    """The order of other labels' frequencies without the matrices would be that of nothing."""
    counts = np.random.default_rng(1).integers(1, 99, (2, LABELS))

    def model_of(counts, cutoffs):
        shape = AdaptiveShape.of(counts, 16, cutoffs, 2.0)
        return classifier_model(SMALL, LABELS, head=HeadSettings("adaptive", adaptive=shape))

    source, target = model_of(counts[0], (5, 20)), model_of(counts[1], cutoffs)
    before = [weight.numpy() for weight in target.get_layer("adaptive_softmax").weights]
    copy_shared_weights(source, target)
    expected = before
    if cutoffs == (5, 20):
        expected = [weight.numpy() for weight in source.get_layer("adaptive_softmax").weights]
    for weight, value in zip(target.get_layer("adaptive_softmax").weights, expected, strict=True):
        np.testing.assert_array_equal(weight.numpy(), value)
    embedding = source.get_layer("token_embedding").weights[0]
    np.testing.assert_array_equal(target.get_layer("token_embedding").weights[0], embedding)


def test_fit_learns_from_targets_as_an_input():
    inputs = {
        "x": keras.Input((HIDDEN,), name="x"),
        "target": keras.Input((), dtype="int32", name="target"),
    }
    layer = AdaptiveSoftmax(LABELS, [5, 20], 2.0)
    log_probability = layer(keras.layers.Dense(32, "tanh")(inputs["x"]), inputs["target"])
    assert log_probability.shape == (None,)
    model = keras.Model(inputs, log_probability)
    model.compile(keras.optimizers.Adam(0.01), loss=lambda _, found: -found)
    random = np.random.default_rng(3)
    x = random.normal(size=(256, HIDDEN)).astype(np.float32)
    # The label is where the first number lies.
    target = np.clip(((x[:, 0] + 2) * LABELS / 4), 0, LABELS - 1).astype(np.int32)
    history = model.fit({"x": x, "target": target}, target, epochs=30, verbose=0)
    first, *_, last = history.history["loss"]
    assert last < 0.6 * first


def test_log_probabilities_that_no_objective_uses_are_not_computed():
    """A model may put out `layer(hidden)`: graphs leave it away where nothing reads it."""
    labels, rows = 3_000_000, 20_000  # 240 GB of log-probabilities
    hidden = keras.Input((4,))
    layer = AdaptiveSoftmax(labels, [5, 20], 2.0)
    model = keras.Model(hidden, {"hidden": hidden, "log_prob": layer(hidden)})
    inputs, target = tf.ones([rows, 4]), tf.ones([rows], tf.int32)

    @tf.function(autograph=False)
    def steps():
        def step(_, count):
            with tf.GradientTape() as tape:
                loss = tf.reduce_mean(layer.loss(model(inputs, training=True)["hidden"], target))
            gradient = tape.gradient(loss, layer.head.value)
            return loss + 0 * tf.reduce_sum(gradient), count + 1

        return tf.while_loop(lambda _, count: count < 2, step, (tf.zeros([]), tf.constant(0)))

    loss, count = steps()
    assert count == 2
    np.testing.assert_allclose(loss, -layer(inputs[:1], target[:1])[0], rtol=1e-5)


def test_the_distributed_loop():
    script = pathlib.Path(__file__).with_name("adaptive_strategy_run.py")
    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    assert found.pop("first loss") == pytest.approx(math.log(LABELS), rel=0.2)
    for run in found.values():
        assert run["weights"] < 1e-5
        assert run["losses"] < 1e-5
        assert run["correct"] == 0

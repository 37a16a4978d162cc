"""Exports with branches, and the threads that run them."""

from unittest import mock

import numpy as np
import pytest
import tensorflow as tf
from tiny_seq2seq_models import make_seq2seq_model
from tiny_trained_models import logits_of, make_trained_model, softmax

from keras_bert_cls.errors import UserError
from keras_bert_cls.export import saved_model
from keras_bert_cls.export.branches import executor_threads
from keras_bert_cls.export.model_card import read_model_card
from keras_bert_cls.export.saved_graph import read_saved_model
from keras_bert_cls.inference import Classifier
from keras_bert_cls.server.servable import SessionOptions, load_servable

TEXTS = ["the movie was good", "很好看！", "", "bad playing played"]


@pytest.fixture(scope="module")
def exports(tmp_path_factory):
    trained = make_trained_model("single_label")
    output = tmp_path_factory.mktemp("m")
    ways = [{}, {"branches": 2}, {"branches": 2, "precision": "bfloat16"}]
    return trained, [saved_model.export_saved_model(trained, output, **way) for way in ways]


def products(folder) -> int:
    (meta_graph,) = read_saved_model(folder).meta_graphs
    functions = meta_graph.graph_def.library.function
    nodes = [node for function in functions for node in function.node_def]
    return sum(node.op == "MatMul" for node in [*meta_graph.graph_def.node, *nodes])


def test_the_scores_are_the_models(exports):
    trained, (_, branched, half) = exports
    expected = softmax(logits_of(trained, TEXTS))
    for folder, tolerance in [(branched, 1e-5), (half, 0.02)]:
        rows = Classifier.load(folder).predict(TEXTS)
        found = np.array([list(row.probabilities.values()) for row in rows])
        np.testing.assert_allclose(found, expected, rtol=0, atol=tolerance)


def test_a_branch_has_products_of_its_own(exports):
    trained, (plain, branched, _) = exports
    blocks = sum(layer.name.startswith("block_") for layer in trained.model.layers)
    signatures = 4  # classify, embed, serving_default, tokens
    assert products(branched) - products(plain) == signatures * blocks * 4


def test_each_branch_gets_a_thread(exports, tmp_path):
    _, folders = exports
    assert [executor_threads(folder) for folder in folders] == [-1, 2, 2]
    assert executor_threads(tmp_path) == -1  # no card
    assert [read_model_card(folder)["branches"] for folder in folders] == [1, 2, 2]


@pytest.mark.parametrize(("threads", "expected"), [(-1, 2), (0, 0), (4, 4)])
def test_the_server_uses_them_unless_told_otherwise(exports, threads, expected):
    session = tf.compat.v1.Session
    with mock.patch.object(tf.compat.v1, "Session", wraps=session) as made:
        load_servable("m", 1, exports[1][1], SessionOptions(inter_op=threads)).close()
    assert made.call_args.kwargs["config"].inter_op_parallelism_threads == expected


def test_what_cannot_be_is_refused(tmp_path):
    trained = make_trained_model("single_label")
    with pytest.raises(UserError, match="branches must be at least 1, got 0"):
        saved_model.export_saved_model(trained, tmp_path, branches=0)
    with pytest.raises(UserError, match=r"num_heads \(\d+\) and its intermediate_dim .*, got 7"):
        saved_model.export_saved_model(trained, tmp_path, branches=7)
    with pytest.raises(UserError, match="seq2seq model is exported without branches"):
        saved_model.export_saved_model(make_seq2seq_model(), tmp_path, branches=2)
    assert not list(tmp_path.iterdir())

"""Exports whose encoder is in bfloat16."""

import json

import ml_dtypes
import numpy as np
import pytest
import tensorflow as tf
from tiny_seq2seq_models import make_seq2seq_model
from tiny_trained_models import logits_of, make_trained_model, softmax

from keras_bert_cls.errors import UserError
from keras_bert_cls.export import precision, saved_model
from keras_bert_cls.export.saved_graph import read_saved_model
from keras_bert_cls.export.session import SavedModelSession
from keras_bert_cls.modeling.half_precision import with_bfloat16_encoder

TEXTS = ["the movie was good", "很好看！", "", "bad playing played"]


@pytest.fixture(scope="module")
def export(tmp_path_factory):
    trained = make_trained_model("single_label")
    before = trained.model.get_weights()
    folder = saved_model.export_saved_model(
        trained, tmp_path_factory.mktemp("m"), precision="bfloat16"
    )
    for weight, value in zip(trained.model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(weight, value)
    return trained, folder


def test_the_scores_are_those_of_float32_to_its_rounding(export):
    trained, folder = export
    texts = np.array([text.encode() for text in TEXTS], object)
    with SavedModelSession(folder) as session:
        found = session.call("serving_default", {"text": texts})["probabilities"]
    expected = softmax(logits_of(trained, TEXTS))
    assert 1e-6 < np.abs(found - expected).max() < 0.02


def test_the_weights_stand_in_the_graph_once(export):
    trained, folder = export
    numbers = trained.model.count_params()
    (meta_graph,) = read_saved_model(folder).meta_graphs
    constants = [node.attr["value"].tensor for node in meta_graph.graph_def.node]
    stored = sum(
        int(np.prod([size.size for size in tensor.tensor_shape.dim]))
        for tensor in constants
        if tensor.dtype == tf.bfloat16.as_datatype_enum
    )
    head = trained.model.get_layer("logits").count_params()
    assert stored == numbers - head
    variables = [node for node in meta_graph.graph_def.node if node.op == "VarHandleOp"]
    assert {node.attr["dtype"].type for node in variables} == {tf.string.as_datatype_enum}  # assets


def test_the_card_says_it(export):
    card = json.loads((export[1] / "assets.extra/model_card.json").read_text())
    assert card["precision"] == "bfloat16"


def test_rounded_are_the_encoders_weights_only():
    model = make_trained_model("single_label").model
    copy = with_bfloat16_encoder(model)
    for weight, rounded in zip(model.weights, copy.weights, strict=True):
        assert weight.path == rounded.path
        value = weight.numpy()
        if "seed" in weight.path or weight.path.startswith("logits"):
            np.testing.assert_array_equal(rounded.numpy(), value)
        else:
            expected = value.astype(ml_dtypes.bfloat16)
            np.testing.assert_array_equal(rounded.value.numpy(), expected)


@pytest.mark.parametrize("task", ["multi_label", "regression"])
def test_every_task_passes_its_own_checks(task, tmp_path):
    trained = make_trained_model(task)
    assert saved_model.export_saved_model(
        trained, tmp_path, precision="bfloat16", warmup=False
    ).is_dir()


def test_what_cannot_be_is_refused(tmp_path, monkeypatch):
    trained = make_trained_model("single_label")
    with pytest.raises(UserError, match="precision must be one of float32, bfloat16, got 'int8'"):
        saved_model.export_saved_model(trained, tmp_path, precision="int8")
    with pytest.raises(UserError, match="in float32 only"):
        saved_model.export_saved_model(make_seq2seq_model(), tmp_path, precision="bfloat16")
    monkeypatch.setattr(precision, "_MAX_GRAPH_BYTES", 1000)
    with pytest.raises(UserError, match="may have 2 GB"):
        saved_model.export_saved_model(trained, tmp_path, precision="bfloat16")
    assert not list(tmp_path.iterdir())

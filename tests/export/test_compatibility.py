"""The check that a stock TensorFlow Serving can serve a SavedModel."""

import shutil

import keras
import pytest
import tensorflow as tf
from broken_models import edit, gather, lengths, only_error, save, warnings_of
from tiny_trained_models import TASKS, make_trained_model

import keras_bert_cls as kbc
from keras_bert_cls.export import file_check
from keras_bert_cls.export.compatibility import (
    UnservableGraphError,
    check_saved_model,
    require_servable,
)
from keras_bert_cls.export.finding import Severity, errors
from keras_bert_cls.export.op_tables import SERVERS
from keras_bert_cls.export.saved_model import export_saved_model

CHECKS = {
    "ops",
    "xla",
    "signatures",
    "rank guards",
    "variables",
    "files",
    "size",
    "warm-up",
    "model card",
}


@pytest.mark.parametrize("server", SERVERS)
@pytest.mark.parametrize("task", TASKS)
def test_our_exports_pass(exported, task, server):
    findings = check_saved_model(exported(task, task == "regression").folder, server)
    assert {finding.check for finding in findings} == CHECKS
    assert errors(findings) == []
    doubts = {f.message for f in findings if f.severity is Severity.WARNING}
    assert all("requests may differ in length" in doubt for doubt in doubts)


def test_a_plain_function_passes_for_every_server(plain):
    for server in SERVERS:
        require_servable(plain, server)


def test_keras_variables_that_a_server_would_not_find(tmp_path):
    layer = keras.layers.Dense(2)
    layer.build([None, 1])

    def body(text):
        return {"y": layer(lengths(text)["length"][:, tf.newaxis])}

    spec = tf.TensorSpec([None], tf.string, name="text")
    function = tf.function(body, input_signature=[spec], autograph=False)
    for name, tracked in (("layer", layer), ("values", [v.value for v in layer.variables])):
        module = tf.Module()
        module.tracked = tracked
        tf.saved_model.save(module, str(tmp_path / name), signatures={"serving_default": function})
    error = only_error(tmp_path / "layer")
    assert error.check == "variables"
    assert "VarHandleOp is read, and neither the restore op" in error.message
    assert "values of Keras variables" in error.change
    assert errors(check_saved_model(tmp_path / "values")) == []


def test_variables_that_a_session_restores(tmp_path):
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        text = tf.compat.v1.placeholder(tf.string, [None], name="text")
        bias = tf.compat.v1.get_variable("bias", [], use_resource=True)
        score = lengths(text)["length"] + bias
        session.run(tf.compat.v1.global_variables_initializer())
        signature = tf.compat.v1.saved_model.predict_signature_def({"text": text}, {"y": score})
        builder = tf.compat.v1.saved_model.Builder(str(tmp_path / "m"))
        builder.add_meta_graph_and_variables(session, ["serve"], {"serving_default": signature})
        builder.save()
    assert errors(check_saved_model(tmp_path / "m", "2.16")) == []

    def forget(meta_graph):
        meta_graph.saver_def.Clear()

    edit(tmp_path / "m", forget)
    assert only_error(tmp_path / "m").where == "bias"


def test_tables_are_initialized(tmp_path):
    module = tf.Module()
    module.table = tf.lookup.StaticHashTable(
        tf.lookup.KeyValueTensorInitializer(["a"], tf.constant([1], tf.int64)), 0
    )

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="text")])
    def look_up(text):
        return {"y": module.table.lookup(tf.ensure_shape(text, [None]))}

    tf.saved_model.save(module, str(tmp_path / "m"), signatures={"serving_default": look_up})
    assert errors(check_saved_model(tmp_path / "m")) == []

    def forget(meta_graph):
        meta_graph.collection_def.clear()
        del meta_graph.signature_def["__saved_model_init_op"]

    edit(tmp_path / "m", forget)
    assert "HashTableV2 is read" in only_error(tmp_path / "m").message


@pytest.mark.parametrize(
    ("file", "message"),
    [
        ("variables/variables.index", "the graph has variables"),
        ("assets/vocab.txt", "the graph reads it"),
    ],
)
def test_missing_files(exported, tmp_path, file, message):
    folder = shutil.copytree(exported("single_label").folder, tmp_path / "m")
    (folder / file).unlink()
    error = only_error(folder)
    assert error.where == file
    assert message in error.message


def test_a_missing_shard(exported, tmp_path):
    folder = shutil.copytree(exported("single_label").folder, tmp_path / "m")
    shard = folder / "variables/variables.data-00000-of-00001"
    shard.rename(folder / "variables/variables.data-00000-of-00002")
    assert "1 of 2 files of variables are there" in only_error(folder).message


def test_a_graph_above_the_limit_of_protobufs(plain, monkeypatch):
    size = (plain / "saved_model.pb").stat().st_size
    monkeypatch.setattr(file_check, "PROTOBUF_LIMIT", size)
    assert errors(check_saved_model(plain)) == []
    monkeypatch.setattr(file_check, "PROTOBUF_LIMIT", size - 1)
    (finding,) = check_saved_model(plain)
    assert finding.severity is Severity.ERROR
    assert "Keep weights in tf.Variables" in finding.change


def test_model_cards(exported, plain, tmp_path):
    (warning,) = warnings_of(plain, "model card")
    assert "there is none" in warning.message
    folder = shutil.copytree(exported("single_label").folder, tmp_path / "copy")
    (folder / "assets.extra/model_card.json").write_text("{")
    assert "is broken" in only_error(folder).message


def test_no_graph_for_serving(plain):
    edit(plain, lambda meta_graph: meta_graph.meta_info_def.tags.append("gpu"))
    assert only_error(plain).check == "tags"


def test_no_model_at_all(tmp_path):
    with pytest.raises(kbc.UserError, match=r"saved_model\.pb is missing"):
        check_saved_model(tmp_path)
    (tmp_path / "saved_model.pb").write_bytes(b"\xff" * 9)
    with pytest.raises(kbc.UserError, match="is broken"):
        check_saved_model(tmp_path)


def test_an_unknown_server(plain):
    with pytest.raises(kbc.UserError, match=r"Serving 1.15 are not known: expected one of 2.16"):
        check_saved_model(plain, "1.15")


def test_what_is_wrong_is_told_with_what_to_change(tmp_path):
    folder = save(tmp_path / "m", gather("IGNORE"))
    with pytest.raises(UnservableGraphError, match=r"(?s)2.16 could not.*GatherNd in .*leave it"):
        require_servable(folder, "2.16")


def test_an_export_for_a_server_that_lacks_an_attribute_leaves_nothing(tmp_path):
    @keras.saving.register_keras_serializable("test_compatibility")
    class Gather(keras.layers.Layer):
        def call(self, logits):
            rows = tf.range(tf.shape(logits)[0])[:, tf.newaxis]
            return tf.gather_nd(logits, rows, bad_indices_policy="IGNORE")

    trained = make_trained_model("single_label")
    outputs = dict(trained.model.output)
    outputs["logits"] = Gather()(outputs["logits"])
    trained.model = keras.Model(trained.model.input, outputs)
    with pytest.raises(UnservableGraphError, match="bad_indices_policy"):
        export_saved_model(trained, tmp_path, server="2.16")
    assert list(tmp_path.iterdir()) == []

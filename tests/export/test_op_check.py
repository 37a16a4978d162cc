"""The check of ops and attributes against the server's, on graphs with one thing wrong."""

import pytest
import tensorflow as tf
import tensorflow_text as tf_text
from broken_models import edit, gather, lengths, nodes, only_error, save

from keras_bert_cls.export.compatibility import check_saved_model
from keras_bert_cls.export.finding import errors


def test_an_op_that_only_newer_servers_have(tmp_path):
    def trim(text):
        words = tf.strings.split(tf.ensure_shape(text, [None]))
        (trimmed,) = tf_text.RoundRobinTrimmer(3).trim([words])
        return {"lengths": trimmed.row_lengths()}

    folder = save(tmp_path / "m", trim)
    error = only_error(folder, "2.19")
    assert error.check == "ops"
    assert "op TFText>RoundRobinTrim is not in TensorFlow Serving 2.19" in error.message
    assert "RoundRobinTrim in __inference_" in error.where
    assert error.change.startswith("Serve with TensorFlow Serving 2.20 or newer, or replace")
    assert errors(check_saved_model(folder, "2.20")) == []


def test_an_op_that_no_server_has(plain):
    def rename(meta_graph):
        (node,) = nodes(meta_graph, "StringLength")
        node.op = "StringLengthInFurlongs"

    edit(plain, rename)
    error = only_error(plain)
    assert "op StringLengthInFurlongs is not in TensorFlow Serving 2.20" in error.message
    assert error.change == "Replace the layer that uses it."


def test_a_new_attribute_with_another_value_than_its_default(tmp_path):
    folder = save(tmp_path / "m", gather("IGNORE"))
    error = only_error(folder, "2.16")
    assert error.message == (
        "attribute bad_indices_policy of op GatherNd, here 'IGNORE', is not in TensorFlow Serving "
        "2.16, which ignores it"
    )
    assert error.change == (
        "Serve with TensorFlow Serving 2.17 or newer, or leave it at its default, ''."
    )
    assert errors(check_saved_model(folder, "2.17")) == []


def test_a_new_attribute_with_its_default(tmp_path):
    folder = save(tmp_path / "m", gather(""))

    def write_default(meta_graph):
        (node,) = nodes(meta_graph, "GatherNd")
        assert "bad_indices_policy" not in node.attr  # tf.saved_model.save leaves defaults out.
        node.attr["bad_indices_policy"].s = b""

    assert errors(check_saved_model(folder, "2.16")) == []
    edit(folder, write_default)
    assert errors(check_saved_model(folder, "2.16")) == []


def test_an_unknown_attribute_and_internal_ones(plain):
    def add(meta_graph):
        (node,) = nodes(meta_graph, "StringLength")
        node.attr["_ours"].i = 1
        node.attr["furlongs"].b = True

    edit(plain, add)
    assert "attribute furlongs of op StringLength, here True" in only_error(plain).message


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda node: node.attr["DstT"].Clear(), None),
        (lambda node: node.attr.pop("DstT"), "op Cast has no attribute DstT"),
    ],
)
def test_a_missing_attribute(plain, change, message):
    edit(plain, lambda meta_graph: change(nodes(meta_graph, "Cast")[0]))
    if message:
        assert message in only_error(plain).message
    else:  # the attribute is there, whatever it holds
        assert errors(check_saved_model(plain)) == []


def test_a_type_that_the_op_is_not_for(plain):
    def set_unit(meta_graph):
        (node,) = nodes(meta_graph, "StringLength")
        node.attr["unit"].s = b"FURLONG"

    edit(plain, set_unit)
    message = only_error(plain).message
    assert "attribute unit of op StringLength is 'FURLONG'" in message
    assert "'BYTE', 'UTF8_CHAR' only" in message


def test_a_python_function(tmp_path):
    def python(text):
        text = tf.ensure_shape(text, [None])
        return {"same": tf.ensure_shape(tf.py_function(lambda x: x, [text], tf.string), [None])}

    error = only_error(save(tmp_path / "m", python))
    assert "op EagerPyFunc calls Python code" in error.message
    assert "tf.py_function" in error.change


def test_an_op_without_a_kernel_for_the_cpu(plain):
    def rename(meta_graph):
        nodes(meta_graph, "StringLength")[0].op = "TPUOrdinalSelector"

    edit(plain, rename)
    assert "does not run on the CPU" in errors(check_saved_model(plain))[0].message


def test_a_deprecated_op(plain):
    def rename(meta_graph):
        nodes(meta_graph, "StringLength")[0].op = "BatchFFT"

    edit(plain, rename)
    assert any("not allowed in graphs since" in e.message for e in errors(check_saved_model(plain)))


def test_a_graph_that_is_newer_than_the_server(plain):
    def raise_version(meta_graph):
        meta_graph.graph_def.versions.min_consumer = 2000

    edit(plain, raise_version)
    assert "reads up to 1766" in only_error(plain, "2.16").message
    assert errors(check_saved_model(plain, "2.20")) == []


def test_a_function_that_is_missing(plain):
    def drop(meta_graph):
        del meta_graph.graph_def.library.function[:]

    edit(plain, drop)
    assert any("is called and missing" in e.message for e in errors(check_saved_model(plain)))


def test_functions_compiled_with_xla(tmp_path):
    double = tf.function(lambda x: x * 2, jit_compile=True)
    error = only_error(save(tmp_path / "m", lambda text: {"y": double(lengths(text)["length"])}))
    assert error.check == "xla"
    assert "without jit_compile" in error.change

"""The check of signatures and of rank guards, on graphs with one thing wrong."""

import pytest
import tensorflow as tf
import tensorflow_text as tf_text
from broken_models import edit, lengths, only_error, save, warnings_of

from keras_bert_cls.export.compatibility import check_saved_model
from keras_bert_cls.export.finding import errors


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        (tf.TensorSpec([], tf.string, name="text"), "is a scalar"),
        (tf.TensorSpec(None, tf.string, name="text"), "the rank is unknown"),
        (tf.TensorSpec([4], tf.string, name="text"), "takes batches of 4 only"),
    ],
)
def test_the_shape_of_an_input(tmp_path, spec, message):
    def ones(text):
        return {"ones": tf.ones([tf.size(text)])}

    error = next(iter(errors(check_saved_model(save(tmp_path / "m", ones, spec)))))
    assert error.check == "signatures"
    assert error.where == "input text of serving_default"
    assert message in error.message


def test_an_output_without_rows(tmp_path):
    folder = save(tmp_path / "m", lambda text: {"total": tf.reduce_sum(lengths(text)["length"])})
    assert "expected a row for each row" in only_error(folder).message


def test_lengths_that_a_batching_server_would_fill_up(tmp_path):
    spec = tf.TensorSpec([None, None], tf.int32, name="ids")
    folder = save(tmp_path / "m", lambda ids: {"sum": tf.reduce_sum(ids, axis=1)}, spec)
    (warning,) = warnings_of(folder, "signatures")
    assert "first element" in warning.message


@pytest.mark.parametrize(
    ("method", "message"),
    [
        ("tensorflow/serving/guess", "expected tensorflow/serving/predict"),
        ("predict", "expected tensorflow/serving/predict"),
        ("", "expected tensorflow/serving/predict"),
        ("tensorflow/serving/classify", "takes one string input named inputs"),
        ("tensorflow/serving/regress", "this one gives length DT_FLOAT"),
    ],
)
def test_method_names(plain, method, message):
    def rename(meta_graph):
        meta_graph.signature_def["serving_default"].method_name = method

    edit(plain, rename)
    assert any(message in error.message for error in errors(check_saved_model(plain)))


def test_no_signatures_and_no_default(plain):
    def rename(meta_graph):
        signature = meta_graph.signature_def.pop("serving_default")
        meta_graph.signature_def["other"].CopyFrom(signature)

    edit(plain, rename)
    (warning,) = warnings_of(plain, "signatures")
    assert "there is no serving_default" in warning.message
    edit(plain, lambda meta_graph: meta_graph.signature_def.clear())
    assert only_error(plain).message == "there is no signature"


def test_a_resource_in_a_signature(plain):
    def retype(meta_graph):
        signature = meta_graph.signature_def["serving_default"]
        signature.outputs["length"].dtype = tf.resource.as_datatype_enum

    edit(plain, retype)
    assert "dtype DT_RESOURCE fits into no request" in only_error(plain).message


def test_a_sparse_input(plain):
    def make_sparse(meta_graph):
        tensor = meta_graph.signature_def["serving_default"].inputs["text"]
        tensor.coo_sparse.values_tensor_name = tensor.name

    edit(plain, make_sparse)
    assert "is a coo_sparse, not a dense tensor" in only_error(plain).message


def test_a_signature_of_a_tensor_that_is_not_there(plain):
    def rename(meta_graph):
        meta_graph.signature_def["serving_default"].outputs["length"].name = "gone:0"

    edit(plain, rename)
    assert "the graph has no tensor gone:0" in only_error(plain).message


def unguarded(text):
    return {"length": tf.strings.length(text)}


def test_an_unguarded_input_is_a_doubt(tmp_path):
    (warning,) = warnings_of(save(tmp_path / "m", unguarded), "rank guards")
    assert "input text of serving_default goes unchecked into StringLength" in warning.message
    assert warning.change == "Begin the function with tf.ensure_shape(text, [None])."


def test_an_unguarded_input_is_an_error_where_a_scalar_kills_the_server(tmp_path):
    tokenizer = tf_text.FastBertTokenizer(["[UNK]", "a"], lower_case_nfd_strip_accents=True)

    def tokenize(text):
        return {"lengths": tokenizer.tokenize(text).row_lengths()}

    def tokenize_checked(text):
        return tokenize(tf.ensure_shape(text, [None]))

    error = errors(check_saved_model(save(tmp_path / "m", tokenize)))[0]
    assert error.check == "rank guards"
    assert "a scalar in FastBertNormalize ends its process" in error.message
    assert errors(check_saved_model(save(tmp_path / "checked", tokenize_checked))) == []


def test_a_guard_is_found_through_functions_branches_and_identities(tmp_path):
    inner = tf.function(lambda text: lengths(text)["length"])

    def outer(text):
        text = tf.identity(tf.identity(text))
        branch = tf.cond(
            tf.timestamp() > 0, lambda: inner(text), lambda: tf.zeros_like(inner(text))
        )
        return {"y": branch}

    assert warnings_of(save(tmp_path / "m", outer), "rank guards") == []


def test_a_guard_that_one_of_two_branches_lacks(tmp_path):
    def outer(text):
        checked = tf.ensure_shape(text, [None])
        return {"y": tf.cond(tf.timestamp() > 0, lambda: tf.size(checked), lambda: tf.size(text))}

    (warning,) = warnings_of(save(tmp_path / "m", outer), "rank guards")
    assert "unchecked into Size" in warning.message

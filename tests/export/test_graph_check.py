"""The check that a stock TensorFlow Serving has what a graph needs."""

import pytest
import tensorflow as tf
import tensorflow_text as tf_text

from keras_bert_cls.export.graph_check import UnservableGraphError, check_graph


def save(folder, body, **options):
    function = tf.function(
        body, input_signature=[tf.TensorSpec([None], tf.string, name="text")], **options
    )
    tf.saved_model.save(tf.Module(), str(folder), signatures={"serving_default": function})
    return folder


def test_tensorflows_ops_pass(tmp_path):
    check_graph(save(tmp_path / "m", lambda text: {"length": tf.strings.length(text)}))


def test_other_ops_of_tensorflow_text_are_named(tmp_path):
    folder = save(
        tmp_path / "m",
        lambda text: {"words": tf_text.WhitespaceTokenizer().tokenize(text).row_lengths()},
    )
    with pytest.raises(UnservableGraphError, match="WhitespaceTokenize"):
        check_graph(folder)


def test_functions_compiled_with_xla_are_refused(tmp_path):
    compiled = tf.function(lambda x: x * 2, jit_compile=True)
    folder = save(tmp_path / "m", lambda text: {"double": compiled(tf.strings.length(text))})
    with pytest.raises(UnservableGraphError, match="XLA"):
        check_graph(folder)

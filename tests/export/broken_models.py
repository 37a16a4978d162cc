"""SavedModels that a server refuses or serves wrongly, and what the check says of them."""

import pathlib
from collections.abc import Callable

import tensorflow as tf
from tensorflow.core.protobuf import meta_graph_pb2, saved_model_pb2

from keras_bert_cls.export.compatibility import check_saved_model
from keras_bert_cls.export.finding import Finding, Severity, errors


def save(folder, body, spec=None, **options) -> pathlib.Path:
    """Saves a function of `text`, string [n] unless `spec` says otherwise."""
    spec = spec or tf.TensorSpec([None], tf.string, name="text")
    function = tf.function(body, input_signature=[spec], autograph=False, **options)
    tf.saved_model.save(tf.Module(), str(folder), signatures={"serving_default": function})
    return pathlib.Path(folder)


def lengths(text) -> dict[str, tf.Tensor]:
    """Counts bytes: string [n] -> float32 [n]."""
    text = tf.ensure_shape(text, [None])
    return {"length": tf.cast(tf.strings.length(text), tf.float32)}


def gather(policy: str) -> Callable:
    """Makes a function with an attribute that TensorFlow Serving 2.16 does not know."""

    def body(text):
        values = lengths(text)["length"]
        indices = tf.range(tf.size(values))[:, tf.newaxis]
        return {"same": tf.gather_nd(values, indices, bad_indices_policy=policy)}

    return body


def edit(folder: pathlib.Path, change: Callable[[meta_graph_pb2.MetaGraphDef], None]) -> None:
    """Changes the graph of a SavedModel."""
    path = folder / "saved_model.pb"
    saved_model = saved_model_pb2.SavedModel.FromString(path.read_bytes())
    change(saved_model.meta_graphs[0])
    path.write_bytes(saved_model.SerializeToString())


def nodes(meta_graph: meta_graph_pb2.MetaGraphDef, op: str) -> list:
    """Returns the nodes of an op, in the graph and its functions."""
    graph = meta_graph.graph_def
    bodies = [graph.node, *(function.node_def for function in graph.library.function)]
    return [node for body in bodies for node in body if node.op == op]


def only_error(folder: pathlib.Path, server: str = "2.20") -> Finding:
    """Returns the one error that the check finds."""
    (error,) = errors(check_saved_model(folder, server))
    return error


def warnings_of(folder: pathlib.Path, check: str) -> list[Finding]:
    """Returns the doubts of one check."""
    findings = check_saved_model(folder)
    return [f for f in findings if f.check == check and f.severity is Severity.WARNING]

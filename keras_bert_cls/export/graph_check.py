"""What the graph of an export may hold, so that a stock TensorFlow Serving runs it."""

import os
import pathlib
from collections.abc import Iterator

import tensorflow as tf
from tensorflow.core.framework import node_def_pb2
from tensorflow.core.protobuf import saved_model_pb2

# tensorflow-text's ops are linked into TensorFlow Serving, each release an older set; these two are
# in every release since 2.16.
TEXT_OPS = frozenset({"FastBertNormalize", "FastWordpieceTokenizeWithOffsets"})


class UnservableGraphError(RuntimeError):
    """The graph needs something that a stock TensorFlow Serving does not have."""


def check_graph(folder: str | os.PathLike) -> None:
    """Checks the graph of the SavedModel `folder`.

    Raises:
      UnservableGraphError: it has ops that are neither TensorFlow's own nor `TEXT_OPS`, or asks for
        XLA, which is off in the server.
    """
    for meta_graph in read_saved_model(folder).meta_graphs:
        graph = meta_graph.graph_def
        functions = {function.signature.name for function in graph.library.function}
        unknown = {
            node.op
            for node in _nodes(graph)
            if node.op not in functions | TEXT_OPS and not hasattr(tf.raw_ops, node.op)
        }
        if unknown:
            raise UnservableGraphError(
                f"TensorFlow Serving does not have the ops {sorted(unknown)}. Expected those of "
                f"TensorFlow itself and {sorted(TEXT_OPS)}: replace the layers that use them."
            )
        compiled = [f.signature.name for f in graph.library.function if _asks_for_xla(f)]
        compiled += [node.name for node in _nodes(graph) if _asks_for_xla(node)]
        if compiled:
            raise UnservableGraphError(
                f"{compiled[0]} is compiled with XLA, which TensorFlow Serving has off: build the "
                "model's layers without jit_compile."
            )


def read_saved_model(folder: str | os.PathLike) -> saved_model_pb2.SavedModel:
    """Reads the graph and the signatures of the SavedModel `folder`, not its weights."""
    raw = (pathlib.Path(folder) / "saved_model.pb").read_bytes()
    return saved_model_pb2.SavedModel.FromString(raw)


def _nodes(graph: tf.compat.v1.GraphDef) -> Iterator[node_def_pb2.NodeDef]:
    yield from graph.node
    for function in graph.library.function:
        yield from function.node_def


def _asks_for_xla(definition) -> bool:
    return "_XlaMustCompile" in definition.attr and definition.attr["_XlaMustCompile"].b

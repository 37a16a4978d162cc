"""The signatures of a SavedModel in words."""

import os
from collections.abc import Mapping

import tensorflow as tf
from tensorflow.core.protobuf import meta_graph_pb2

from keras_bert_cls.export.saved_graph import read_saved_model


def describe_signatures(folder: str | os.PathLike) -> list[str]:
    """Returns a line for each signature: its inputs and outputs with types and shapes."""
    return [
        f"{name}: {_describe(signature.inputs)} -> {_describe(signature.outputs)}"
        for meta_graph in read_saved_model(folder).meta_graphs
        for name, signature in sorted(meta_graph.signature_def.items())
        if not name.startswith("__")  # The initializer is stored among the signatures.
    ]


def _describe(tensors: Mapping[str, meta_graph_pb2.TensorInfo]) -> str:
    def shape(tensor: meta_graph_pb2.TensorInfo) -> str:
        sizes = [dim.size for dim in tensor.tensor_shape.dim]
        return ", ".join("?" if size < 0 else str(size) for size in sizes)

    return ", ".join(
        f"{name} {tf.as_dtype(tensor.dtype).name} [{shape(tensor)}]"
        for name, tensor in sorted(tensors.items())
    )

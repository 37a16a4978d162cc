"""Whether requests fit through the signatures: names, methods, dtypes, shapes, rank guards."""

from tensorflow.core.framework import types_pb2
from tensorflow.core.protobuf import meta_graph_pb2

from keras_bert_cls.export.finding import Finding, Findings
from keras_bert_cls.export.saved_graph import SavedGraph

DEFAULT_SIGNATURE = "serving_default"
_METHOD = "tensorflow/serving/"
_STRING = types_pb2.DT_STRING
# Method -> the outputs that its call reads, with their types.
_RESULTS = {
    "classify": {"classes": _STRING, "scores": types_pb2.DT_FLOAT},
    "regress": {"outputs": types_pb2.DT_FLOAT},
}
_NOT_IN_REQUESTS = frozenset({types_pb2.DT_RESOURCE, types_pb2.DT_VARIANT})
# A scalar kills the process in these.
_CRASH_ON_SCALARS = frozenset({"FastBertNormalize"})


def served_signatures(graph: SavedGraph) -> dict[str, meta_graph_pb2.SignatureDef]:
    """Returns the signatures that clients can call."""
    signatures = sorted(graph.meta_graph.signature_def.items())
    # The initializer is stored among the signatures.
    return {name: signature for name, signature in signatures if not name.startswith("__")}


def check_signatures(graph: SavedGraph) -> list[Finding]:
    """Checks names, methods, dtypes and shapes."""
    found = Findings("signatures")
    signatures = served_signatures(graph)
    if not signatures:
        found.error(
            "there is no signature",
            "signature_def",
            "Give tf.saved_model.save the functions to serve as `signatures`.",
        )
    elif DEFAULT_SIGNATURE not in signatures:
        found.warning(
            f"there is no {DEFAULT_SIGNATURE}; requests that name no signature fail",
            "signature_def",
            f"Name one of the signatures {DEFAULT_SIGNATURE}.",
        )
    for name, signature in signatures.items():
        _check_method(found, name, signature)
        for tensor_name, tensor in signature.inputs.items():
            _check_tensor(found, graph, f"input {tensor_name} of {name}", tensor)
            _check_input_shape(found, f"input {tensor_name} of {name}", tensor)
        for tensor_name, tensor in signature.outputs.items():
            _check_tensor(found, graph, f"output {tensor_name} of {name}", tensor)
            _check_output_shape(found, f"output {tensor_name} of {name}", tensor)
    return found.close(", ".join(signatures))


def check_rank_guards(graph: SavedGraph) -> list[Finding]:
    """Checks that every string input meets tf.ensure_shape before anything else.

    A server does not compare a request's rank with the signature's.
    """
    found = Findings("rank guards")
    crashes = sorted({place.node.op for place in graph.places()} & _CRASH_ON_SCALARS)
    guarded = 0
    for name, signature in served_signatures(graph).items():
        for input_name, tensor in signature.inputs.items():
            if tensor.dtype != _STRING:
                continue
            guarded += 1
            for reader in graph.readers(tensor.name):
                node = reader.place.node
                if node.op == "EnsureShape" and _ranked(node.attr["shape"].shape):
                    continue
                note = found.error if crashes else found.warning
                note(
                    f"input {input_name} of {name} goes unchecked into {node.op}; a server lets "
                    "requests of any rank in"
                    + (f", and a scalar in {crashes[0]} ends its process" if crashes else ""),
                    str(reader.place),
                    f"Begin the function with tf.ensure_shape({input_name}, [None]).",
                )
    return found.close(f"{guarded} string inputs begin with tf.ensure_shape")


def _check_method(found: Findings, name: str, signature: meta_graph_pb2.SignatureDef) -> None:
    method = signature.method_name.removeprefix(_METHOD)
    where = f"signature {name}"
    if method not in ("predict", *_RESULTS) or not signature.method_name.startswith(_METHOD):
        found.error(
            f"method name {signature.method_name!r}; expected {_METHOD}predict, "
            f"{_METHOD}classify or {_METHOD}regress",
            where,
            "Save it with tf.saved_model.save, or name the method with "
            "tf.compat.v1.saved_model.signature_def_utils.MethodNameUpdater.",
        )
        return
    if method == "predict":
        return
    inputs = {key: tensor.dtype for key, tensor in signature.inputs.items()}
    if inputs != {"inputs": _STRING}:
        found.error(
            f"a {method} signature takes one string input named inputs, tf.Examples; this one "
            f"takes {_listed(inputs)}",
            where,
            f"Change its inputs, or give it the method {_METHOD}predict.",
        )
    outputs = {key: tensor.dtype for key, tensor in signature.outputs.items()}
    if not outputs or not outputs.items() <= _RESULTS[method].items():
        found.error(
            f"a {method} signature gives {_listed(_RESULTS[method])}; this one gives "
            f"{_listed(outputs)}",
            where,
            f"Change its outputs, or give it the method {_METHOD}predict.",
        )


def _check_tensor(
    found: Findings, graph: SavedGraph, where: str, tensor: meta_graph_pb2.TensorInfo
) -> None:
    if tensor.dtype in _NOT_IN_REQUESTS:
        found.error(
            f"dtype {types_pb2.DataType.Name(tensor.dtype)} fits into no request",
            where,
            "Take and give tensors of strings or numbers.",
        )
    if tensor.WhichOneof("encoding") != "name":
        found.error(
            f"is a {tensor.WhichOneof('encoding')}, not a dense tensor",
            where,
            "Take and give dense tensors.",
        )
    elif graph.node(tensor.name) is None:
        found.error(f"the graph has no tensor {tensor.name}", where, "Export the model again.")


def _check_input_shape(found: Findings, where: str, tensor: meta_graph_pb2.TensorInfo) -> None:
    shape = tensor.tensor_shape
    sizes = [dim.size for dim in shape.dim]
    change = "Declare it as tf.TensorSpec([None], tf.string) or tf.TensorSpec([None, ...], ...)."
    if shape.unknown_rank:
        found.error("the rank is unknown; a server lets every shape in", where, change)
    elif not sizes:
        found.error("is a scalar; expected a batch, [None] or [None, ...]", where, change)
    elif sizes[0] >= 0:
        found.error(
            f"takes batches of {sizes[0]} only; a server sends those of any size", where, change
        )
    elif tensor.dtype == _STRING and len(sizes) > 1:
        found.warning(
            f"takes strings of rank {len(sizes)}; this package's clients send rank 1", where, change
        )
    elif -1 in sizes[1:] and tensor.dtype != _STRING:
        found.warning(
            "requests may differ in length; a server with batching fills the shorter up with their "
            "first element, which changes answers",
            where,
            "Send texts to a string signature where the server batches.",
        )


def _check_output_shape(found: Findings, where: str, tensor: meta_graph_pb2.TensorInfo) -> None:
    sizes = [dim.size for dim in tensor.tensor_shape.dim]
    if not tensor.tensor_shape.unknown_rank and (not sizes or sizes[0] >= 0):
        found.error(
            f"has shape {sizes}; expected a row for each row of the inputs, [None, ...]",
            where,
            "Keep the batch dimension in the outputs.",
        )


def _ranked(shape) -> bool:
    return not shape.unknown_rank and len(shape.dim) > 0


def _listed(tensors: dict[str, int]) -> str:
    names = [f"{name} {types_pb2.DataType.Name(dtype)}" for name, dtype in sorted(tensors.items())]
    return ", ".join(names) or "nothing"

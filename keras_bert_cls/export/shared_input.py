"""One input for the signatures that take tf.Examples.

tf.saved_model.save gives every signature a placeholder of its own, but TensorFlow Serving's
MultiInference, which asks several tasks about the same examples, wants them to read the same one.
"""

import pathlib
from collections.abc import Collection

from tensorflow.core.protobuf import saved_model_pb2

from keras_bert_cls.export.versions import SAVED_MODEL_FILE


def share_input(folder: pathlib.Path, signatures: Collection[str]) -> None:
    """Lets signatures of the SavedModel `folder`, each of one input, read the first one's."""
    path = folder / SAVED_MODEL_FILE
    saved = saved_model_pb2.SavedModel.FromString(path.read_bytes())
    (meta_graph,) = saved.meta_graphs
    inputs = [meta_graph.signature_def[name].inputs["inputs"] for name in sorted(signatures)]
    shared = _node(inputs[0].name)
    replaced = {_node(tensor.name) for tensor in inputs} - {shared}
    for tensor in inputs:
        tensor.name = inputs[0].name
    nodes = [node for node in meta_graph.graph_def.node if node.name not in replaced]
    for node in nodes:
        for place, tensor_name in enumerate(node.input):
            if _node(tensor_name) in replaced:
                node.input[place] = shared
    del meta_graph.graph_def.node[:]
    meta_graph.graph_def.node.extend(nodes)
    path.write_bytes(saved.SerializeToString(deterministic=True))


def _node(tensor: str) -> str:
    return tensor.split(":")[0]

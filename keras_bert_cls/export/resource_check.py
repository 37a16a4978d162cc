"""Whether a server gives every variable and table of a graph its value before the first request."""

from keras_bert_cls.export.finding import Finding, Findings
from keras_bert_cls.export.saved_graph import Reader, SavedGraph
from keras_bert_cls.export.signature_check import served_signatures

_INITIALIZER = "__saved_model_init_op"
_INITIALIZER_COLLECTIONS = ("saved_model_main_op", "legacy_init_op")
# Handle -> the ops that give it its value, as their first input.
_WRITERS = {
    "VarHandleOp": ("AssignVariableOp",),
    "HashTableV2": (
        "InitializeTableV2",
        "InitializeTableFromTextFileV2",
        "LookupTableImportV2",
    ),
}


def check_resources(graph: SavedGraph) -> list[Finding]:
    """Checks that what signatures read is restored from the checkpoint or initialized.

    Python's loader follows the objects of a SavedModel, a server runs the restore op and the
    initializer of its graph: where these leave a variable out, only the server fails.
    """
    found = Findings("variables")
    signatures = served_signatures(graph).values()
    read = graph.closure(tensor.name for s in signatures for tensor in s.outputs.values())
    written = graph.closure(_initializers(graph))
    handles = [node for node in graph.meta_graph.graph_def.node if node.op in _WRITERS]
    used = 0
    for handle in handles:
        if handle.name not in read:
            continue
        used += 1
        readers = graph.readers(handle.name)
        if not any(_writes(reader, handle.op) and reader.caller in written for reader in readers):
            found.error(
                f"{handle.op} is read, and neither the restore op nor the initializer gives it a "
                "value; the server answers FAILED_PRECONDITION, could not find it",
                handle.name,
                "Track tf.Variables in a bare tf.Module: the values of Keras variables, not these "
                "or the model.",
            )
    return found.close(f"{used} variables and tables, all restored or initialized")


def _initializers(graph: SavedGraph) -> list[str]:
    meta_graph = graph.meta_graph
    tensors = [meta_graph.saver_def.restore_op_name]
    if _INITIALIZER in meta_graph.signature_def:
        outputs = meta_graph.signature_def[_INITIALIZER].outputs
        tensors += [tensor.name for tensor in outputs.values()]
    for name in _INITIALIZER_COLLECTIONS:
        if name in meta_graph.collection_def:
            collection = meta_graph.collection_def[name]
            tensors += [*collection.node_list.value]
    return tensors


def _writes(reader: Reader, handle: str) -> bool:
    return reader.position == 0 and reader.place.node.op in _WRITERS[handle]

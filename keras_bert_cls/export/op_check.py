"""Whether a server has the ops of a graph, with the attributes that the graph gives them."""

from collections.abc import Iterator
from typing import Any

from google.protobuf import json_format
from tensorflow.core.framework import attr_value_pb2, function_pb2, node_def_pb2, types_pb2

from keras_bert_cls.export.finding import Finding, Findings
from keras_bert_cls.export.op_tables import SERVERS, OpTable
from keras_bert_cls.export.saved_graph import Place, SavedGraph

_PYTHON_OPS = frozenset({"PyFunc", "EagerPyFunc", "PyFuncStateless"})
_XLA_PREFIXES = ("Xla", "_Xla")


def check_ops(graph: SavedGraph, table: OpTable) -> list[Finding]:
    """Checks every node of the graph and its functions against the server's table."""
    found = Findings("ops")
    versions = graph.meta_graph.graph_def.versions
    if versions.min_consumer > table.graph_version:
        found.error(
            f"the graph wants a reader of version {versions.min_consumer}; TensorFlow Serving "
            f"{table.server} reads up to {table.graph_version}",
            "GraphDef.versions",
            "Export with a TensorFlow as old as the server, or serve with a newer one.",
        )
    nodes = 0
    ops = set()
    for place in graph.places():
        nodes += 1
        ops.add(place.node.op)
        for function in _missing_functions(graph, place):
            found.error(
                f"function {function} is called and missing", str(place), "Export the model again."
            )
        if place.node.op not in graph.functions and not place.node.op.startswith(_XLA_PREFIXES):
            _check_node(found, place, table, versions.producer)
    summary = f"{nodes:,} nodes of {len(ops)} ops; TensorFlow Serving {table.server} has them all"
    return found.close(summary)


def check_xla(graph: SavedGraph, table: OpTable) -> list[Finding]:
    """Checks that nothing asks for XLA, which a server has off."""
    found = Findings("xla")
    message = f"needs XLA, which TensorFlow Serving {table.server} has off"
    change = (
        "Build the model's layers without jit_compile; or start the server with "
        "--xla_cpu_compilation_enabled, which is experimental."
    )
    for name, function in graph.functions.items():
        if _asks_for_xla(function):
            found.error(message, name, change)
    for place in graph.places():
        if place.node.op.startswith(_XLA_PREFIXES) or _asks_for_xla(place.node):
            found.error(message, str(place), change)
    return found.close("nothing asks for XLA")


def _asks_for_xla(definition: function_pb2.FunctionDef | node_def_pb2.NodeDef) -> bool:
    return "_XlaMustCompile" in definition.attr and definition.attr["_XlaMustCompile"].b


def _check_node(found: Findings, place: Place, table: OpTable, producer: int) -> None:
    op = place.node.op
    definition = table.definition(op)
    where = str(place)
    if definition is None:
        found.error(
            f"op {op} is not in TensorFlow Serving {table.server}",
            where,
            _newer_or(table.servers_with(op), "replace the layer that uses it."),
        )
        return
    if op in _PYTHON_OPS:
        found.error(
            f"op {op} calls Python code, which is not in the SavedModel",
            where,
            "Replace tf.py_function and tf.numpy_function by TensorFlow's ops.",
        )
    elif not definition["cpu_kernel"]:
        found.error(
            f"op {op} does not run on the CPU in TensorFlow Serving {table.server}",
            where,
            "Replace the layer that uses it.",
        )
    if 0 < definition.get("deprecated", 0) <= producer:
        found.error(
            f"op {op} is not allowed in graphs since version {definition['deprecated']}; this one "
            f"says that it has version {producer}",
            where,
            "Replace the layer that uses it.",
        )
    _check_attributes(found, place, definition["attributes"], table)


def _check_attributes(
    found: Findings, place: Place, known: dict[str, dict[str, Any]], table: OpTable
) -> None:
    node = place.node
    # TensorFlow does not look at attributes that start with _.
    for name, value in node.attr.items():
        if name.startswith("_"):
            continue
        if name not in known:
            _unknown_attribute(found, place, name, value, table)
        elif not _allowed(value, known[name].get("allowed")):
            found.error(
                f"attribute {name} of op {node.op} is {_show(value)}; TensorFlow Serving "
                f"{table.server} has the op for "
                f"{_show(attr_value_pb2.AttrValue(list=_list(known[name]['allowed'])))} only",
                str(place),
                "Use another type in the layer, or serve with a newer release.",
            )
    for name, entry in known.items():
        if name not in node.attr and "default" not in entry:
            found.error(
                f"op {node.op} has no attribute {name}, which TensorFlow Serving {table.server} "
                "needs",
                str(place),
                "Export the model again.",
            )


def _unknown_attribute(
    found: Findings, place: Place, name: str, value: attr_value_pb2.AttrValue, table: OpTable
) -> None:
    """Notes an attribute that is newer than the server, which will not look at it."""
    op = place.node.op
    servers = table.servers_with(op, name)
    newest = table.definition(op, servers[-1]) if servers else None
    default = newest["attributes"][name].get("default") if newest else None
    if default is None:
        otherwise = "replace the layer that uses it."
    elif _attribute(default) == value:
        return
    else:
        otherwise = f"leave it at its default, {_show(_attribute(default))}."
    found.error(
        f"attribute {name} of op {op}, here {_show(value)}, is not in TensorFlow Serving "
        f"{table.server}, which ignores it",
        str(place),
        _newer_or(servers, otherwise),
    )


def _newer_or(servers: list[str], change: str) -> str:
    """Returns the advice to take one of the servers, if there are any, or to change something."""
    if not servers:
        return change[0].upper() + change[1:]
    which = f"{servers[0]} or newer" if servers[-1] == SERVERS[-1] else " or ".join(servers)
    return f"Serve with TensorFlow Serving {which}, or {change}"


def _missing_functions(graph: SavedGraph, place: Place) -> Iterator[str]:
    for value in place.node.attr.values():
        functions = [value.func] if value.HasField("func") else value.list.func
        for function in functions:
            if function.name and function.name not in graph.functions:
                yield function.name


def _allowed(value: attr_value_pb2.AttrValue, allowed: dict[str, Any] | None) -> bool:
    if allowed is None:
        return True
    values = _list(allowed)
    kind = value.WhichOneof("value")
    types = [value.type] if kind == "type" else value.list.type
    strings = [value.s] if kind == "s" else value.list.s
    return set(types) <= set(values.type) and set(strings) <= set(values.s)


def _list(allowed: dict[str, Any]) -> attr_value_pb2.AttrValue.ListValue:
    return json_format.ParseDict(allowed, attr_value_pb2.AttrValue.ListValue())


def _attribute(default: dict[str, Any]) -> attr_value_pb2.AttrValue:
    return json_format.ParseDict(default, attr_value_pb2.AttrValue())


def _show(value: attr_value_pb2.AttrValue) -> str:
    kind = value.WhichOneof("value")
    if kind == "type":
        return types_pb2.DataType.Name(value.type)
    if kind == "s":
        return repr(value.s.decode(errors="replace"))
    if kind == "list" and value.list.type:
        return ", ".join(types_pb2.DataType.Name(number) for number in value.list.type)
    if kind == "list" and value.list.s:
        return ", ".join(repr(text.decode(errors="replace")) for text in value.list.s)
    return str(getattr(value, kind)).strip() if kind else "nothing"

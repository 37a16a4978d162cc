"""The graph of a SavedModel as its protobuf has it: nothing is loaded or run."""

import collections
import os
import pathlib
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from google.protobuf.message import DecodeError
from tensorflow.core.framework import function_pb2, node_def_pb2
from tensorflow.core.protobuf import meta_graph_pb2, saved_model_pb2

from keras_bert_cls.errors import UserError

GRAPH_FILE = "saved_model.pb"
# Call op -> its attributes that name functions, and the number of inputs before the arguments.
_CALLS = {
    "PartitionedCall": (("f",), 0),
    "StatefulPartitionedCall": (("f",), 0),
    "If": (("then_branch", "else_branch"), 1),
    "StatelessIf": (("then_branch", "else_branch"), 1),
    "While": (("cond", "body"), 0),
    "StatelessWhile": (("cond", "body"), 0),
}


def read_saved_model(folder: str | os.PathLike) -> saved_model_pb2.SavedModel:
    """Reads the graph and the signatures of the SavedModel `folder`, not its weights.

    Raises:
      UserError: there is none, or it is broken.
    """
    path = pathlib.Path(folder) / GRAPH_FILE
    try:
        return saved_model_pb2.SavedModel.FromString(path.read_bytes())
    except FileNotFoundError:
        raise UserError(
            f"{folder} holds no SavedModel: {GRAPH_FILE} is missing. Give the folder of a version, "
            "as bertcls-export prints it."
        ) from None
    except DecodeError as error:
        raise UserError(f"{path} is broken: {error}. Export the model again.") from error


class Place(NamedTuple):
    """A node and where it stands.

    Attributes:
      node: the node.
      function: the function that it is in; "" for the graph itself.
    """

    node: node_def_pb2.NodeDef
    function: str

    def __str__(self) -> str:
        return f"{self.node.name} in {self.function}" if self.function else self.node.name


class Reader(NamedTuple):
    """A node that reads a tensor.

    Attributes:
      place: the node.
      position: which of its inputs the tensor is.
      caller: the node of the graph itself through which the tensor got there.
    """

    place: Place
    position: int
    caller: str


class SavedGraph:
    """The nodes of a graph and of its functions, and the ways of tensors through them.

    Args:
      meta_graph: as the SavedModel holds it.

    Attributes:
      meta_graph: the same.
      functions: the graph's functions by name.
    """

    def __init__(self, meta_graph: meta_graph_pb2.MetaGraphDef):
        self.meta_graph = meta_graph
        library = meta_graph.graph_def.library.function
        self.functions: dict[str, function_pb2.FunctionDef] = {f.signature.name: f for f in library}
        self._nodes = {node.name: node for node in meta_graph.graph_def.node}
        self._readers: dict[str, dict[str, list[tuple[Place, int]]]] = {}

    def places(self) -> Iterator[Place]:
        """Yields every node of the graph and of its functions."""
        for name in ("", *self.functions):
            for node in self._body(name):
                yield Place(node, name)

    def node(self, tensor: str) -> node_def_pb2.NodeDef | None:
        """Returns the node of the graph itself that makes a tensor, or None."""
        return self._nodes.get(_node_name(tensor))

    def closure(self, tensors: Iterable[str]) -> set[str]:
        """Returns the names of the nodes of the graph itself that the tensors depend on."""
        found: set[str] = set()
        waiting = [_node_name(tensor) for tensor in tensors]
        while waiting:
            name = waiting.pop()
            if name not in found and name in self._nodes:
                found.add(name)
                waiting += [_node_name(tensor) for tensor in self._nodes[name].input]
        return found

    def readers(self, tensor: str) -> list[Reader]:
        """Returns the nodes that read a tensor of the graph itself.

        Calls of functions are followed into the functions, and Identity nodes are passed through.
        """
        return [
            reader
            for place, position in self._direct_readers("", _tensor_name(tensor))
            for reader in self._follow(place, position, place.node.name, set())
        ]

    def _follow(
        self, place: Place, position: int, caller: str, seen: set[tuple[str, str]]
    ) -> Iterator[Reader]:
        further = list(self._arguments(place.node, position))
        if place.node.op == "Identity":
            output = f"{place.node.name}:output:0" if place.function else f"{place.node.name}:0"
            further.append((place.function, output))
        if not further:
            yield Reader(place, position, caller)
        for function, tensor in further:
            if (function, tensor) in seen:
                continue
            seen.add((function, tensor))
            for reader, reader_position in self._direct_readers(function, tensor):
                through = caller if function else reader.node.name
                yield from self._follow(reader, reader_position, through, seen)

    def _arguments(self, node: node_def_pb2.NodeDef, position: int) -> Iterator[tuple[str, str]]:
        """Yields the functions that a node hands its input to, with the arguments' names."""
        attributes, before = _CALLS.get(node.op, ((), 0))
        names = [node.attr[attribute].func.name for attribute in attributes]
        for name in [node.op] if node.op in self.functions else names:
            function = self.functions.get(name)
            if function and 0 <= position - before < len(function.signature.input_arg):
                yield name, function.signature.input_arg[position - before].name

    def _direct_readers(self, function: str, tensor: str) -> list[tuple[Place, int]]:
        if function not in self._readers:
            index: dict[str, list[tuple[Place, int]]] = collections.defaultdict(list)
            for node in self._body(function):
                for position, name in enumerate(node.input):
                    key = name if function else _tensor_name(name)
                    index[key].append((Place(node, function), position))
            self._readers[function] = index
        return self._readers[function].get(tensor, [])

    def _body(self, function: str) -> Iterable[node_def_pb2.NodeDef]:
        if function:
            return self.functions[function].node_def
        return self.meta_graph.graph_def.node


def _node_name(tensor: str) -> str:
    return tensor.removeprefix("^").split(":")[0]


def _tensor_name(tensor: str) -> str:
    return tensor if ":" in tensor or tensor.startswith("^") else f"{tensor}:0"

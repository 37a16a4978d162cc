"""One signature of a SavedModel: what it takes, and whether its requests may share a run."""

import functools
from collections.abc import Mapping

import numpy as np
import tensorflow as tf
from tensorflow.core.framework import tensor_shape_pb2, types_pb2
from tensorflow.core.protobuf import meta_graph_pb2

from keras_bert_cls.server.status_errors import invalid_argument


class Signature:
    """A SignatureDef with the checks that a request must pass before it meets the graph.

    Attributes:
      name: its key in the SavedModel.
      definition: the SignatureDef.
    """

    def __init__(self, name: str, definition: meta_graph_pb2.SignatureDef):
        self.name = name
        self.definition = definition

    @functools.cached_property
    def merges_rows(self) -> bool:
        """Whether rows of several requests may run as one batch, and be told apart afterwards.

        Only strings are: rows of numbers would have to be padded to one length, which changes what
        the model sees. An output must have a row for every input row and a fixed width, else its
        shape would depend on the other requests.
        """
        inputs, outputs = self.definition.inputs.values(), self.definition.outputs.values()
        return (
            bool(inputs)
            and all(i.dtype == types_pb2.DT_STRING and _sizes(i) == [-1] for i in inputs)
            and all(_is_row_of_fixed_width(_sizes(output)) for output in outputs)
        )

    def check_inputs(self, arrays: Mapping[str, np.ndarray]) -> None:
        """Raises ServingError unless types and shapes are what the signature declares.

        The graph itself must never see another rank: some ops crash the process on a scalar.

        Args:
          arrays: one for each input of the signature.
        """
        # TensorFlow numbers the feeds of a run in the order of their tensors' names.
        feeds = sorted(self.definition.inputs, key=lambda a: self.definition.inputs[a].name)
        for index, alias in enumerate(feeds):
            expected = _type_name(self.definition.inputs[alias].dtype)
            received = _type_name(tf.dtypes.as_dtype(arrays[alias].dtype).as_datatype_enum)
            if expected != received:
                raise invalid_argument(
                    f"Expects arg[{index}] to be {expected} but {received} is provided"
                )
        for alias in feeds:
            expected_sizes = _sizes(self.definition.inputs[alias])
            if not _is_compatible(arrays[alias].shape, expected_sizes):
                received_shape = _shape_text(arrays[alias].shape)
                raise invalid_argument(
                    f"Shape of tensor {alias} {received_shape} is not compatible with "
                    f"expected shape {_shape_text(expected_sizes)}."
                )


def _type_name(enum: int) -> str:
    """Returns TensorFlow's C++ name of a type, such as "float" for DT_FLOAT."""
    return types_pb2.DataType.Name(enum).removeprefix("DT_").lower()


def _sizes(info: meta_graph_pb2.TensorInfo) -> list[int] | None:
    """Returns the sizes of a declared tensor, -1 for any; None where even the rank is unknown."""
    shape: tensor_shape_pb2.TensorShapeProto = info.tensor_shape
    return None if shape.unknown_rank else [dimension.size for dimension in shape.dim]


def _is_row_of_fixed_width(sizes: list[int] | None) -> bool:
    return sizes is not None and sizes[:1] == [-1] and -1 not in sizes[1:]


def _is_compatible(shape: tuple[int, ...], sizes: list[int] | None) -> bool:
    return sizes is None or (
        len(shape) == len(sizes)
        and all(size in (-1, actual) for actual, size in zip(shape, sizes, strict=True))
    )


def _shape_text(sizes) -> str:
    return "[" + ",".join("?" if size == -1 else str(size) for size in sizes) + "]"

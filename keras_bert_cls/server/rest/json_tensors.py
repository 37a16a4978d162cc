"""Predict over REST: tensors from JSON, by rows ("instances") or by columns ("inputs")."""

import base64
import binascii
import math
from collections.abc import Mapping
from typing import Any

import grpc
import numpy as np
from tensorflow.core.framework import tensor_pb2, tensor_shape_pb2, types_pb2
from tensorflow.core.protobuf import meta_graph_pb2

from keras_bert_cls.server.rest.json_text import bytes_of, number_of, show, type_name
from keras_bert_cls.server.status_errors import ServingError, invalid_argument

_FLOAT32_MAX = float(np.finfo(np.float32).max)
# Type -> field, smallest and largest value.
_INTEGERS = {
    types_pb2.DT_INT8: ("int_val", -(2**31), 2**31 - 1),
    types_pb2.DT_INT16: ("int_val", -(2**31), 2**31 - 1),
    types_pb2.DT_INT32: ("int_val", -(2**31), 2**31 - 1),
    types_pb2.DT_UINT8: ("int_val", -(2**31), 2**31 - 1),
    types_pb2.DT_INT64: ("int64_val", -(2**63), 2**63 - 1),
    types_pb2.DT_UINT32: ("uint32_val", 0, 2**32 - 1),
    types_pb2.DT_UINT64: ("uint64_val", 0, 2**64 - 1),
}
_DECIMALS = {types_pb2.DT_FLOAT: ("float_val", 24), types_pb2.DT_DOUBLE: ("double_val", 53)}

Infos = Mapping[str, meta_graph_pb2.TensorInfo]
Tensors = dict[str, tensor_pb2.TensorProto]


def is_base64(value: Any) -> bool:
    """Whether a value is `{"b64": "..."}`, which stands for bytes."""
    return isinstance(value, dict) and len(value) == 1 and isinstance(value.get("b64"), str)


def decode_base64(value: Any) -> bytes:
    """Returns the bytes of `{"b64": "..."}`; raises ServingError if it is something else."""
    if not is_base64(value):
        raise invalid_argument(f"JSON Value: {show(value)} not formatted correctly for base64 data")
    encoded = bytes_of(value["b64"])
    try:
        return base64.b64decode(encoded + b"=" * (-len(encoded) % 4), validate=True)
    except binascii.Error as error:
        raise invalid_argument("Unable to base64 decode") from error


def tensors_of_columns(value: Any, infos: Infos) -> Tensors:
    """Reads the value of "inputs": a tensor for each input of the signature.

    Args:
      value: an object of tensors by name; or a single tensor, for signatures of one input.
      infos: the inputs of the signature.

    Raises:
      ServingError: it does not fit.
    """
    if isinstance(value, dict) and not is_base64(value):
        tensors = {}
        for name, info in sorted(infos.items()):
            if name not in value:
                raise invalid_argument(f"Missing named input: {name} in 'inputs' object.")
            tensors[name] = _tensor(value[name], info.dtype)
        return tensors
    if len(infos) > 1:
        raise invalid_argument(
            "inputs is a plain value/list, but expecting an object as multiple input tensors "
            "required as per tensorinfo_map"
        )
    ((name, info),) = infos.items()
    return {name: _tensor(value, info.dtype)}


def tensors_of_rows(rows: list[Any], infos: Infos) -> Tensors:
    """Reads the value of "instances": the rows of all inputs' tensors.

    Args:
      rows: an object of tensors by name each; or a single tensor, for signatures of one input.
      infos: the inputs of the signature.

    Raises:
      ServingError: they do not fit, or differ in shape.
    """
    if not isinstance(rows[0], dict) and len(infos) > 1:
        raise invalid_argument(
            "instances is a plain list, but expecting list of objects as multiple input tensors "
            "required as per tensorinfo_map"
        )
    named = _is_named(rows[0])
    tensors: Tensors = {}
    for number, row in enumerate(rows):
        if named:
            _add_named_row(tensors, number, row, infos)
            continue
        if _is_named(row):
            raise invalid_argument(
                f"Expecting value/list but got object at item {number} of input list"
            )
        try:
            _add_row(tensors, min(infos), row, infos)
        except ServingError as error:
            raise invalid_argument(
                f"Failed to process element: {number} of 'instances' list. "
                f"Error: {error.code.name}: {error.message}"
            ) from error
    for tensor in tensors.values():
        tensor.tensor_shape.dim.insert(0, tensor_shape_pb2.TensorShapeProto.Dim(size=len(rows)))
    return tensors


def _is_named(row: Any) -> bool:
    return isinstance(row, dict) and not is_base64(row)


def _add_named_row(tensors: Tensors, number: int, row: Any, infos: Infos) -> None:
    if not _is_named(row):
        raise invalid_argument(f"Expecting object but got list at item {number} of input list")
    for name, value in row.items():
        try:
            _add_row(tensors, name, value, infos)
        except ServingError as error:
            raise invalid_argument(
                f"Failed to process element: {number} key: {name} of 'instances' list. "
                f"Error: {error.code.name}: {error.message}"
            ) from error
    if row.keys() != set(infos):
        raise invalid_argument(
            f"Failed to process element: {number} of 'instances' list. JSON object: {show(row)} "
            f"must only have keys: {','.join(sorted(infos))}"
        )


def _add_row(tensors: Tensors, name: str, value: Any, infos: Infos) -> None:
    if name not in infos:
        raise invalid_argument(f"JSON object: does not have named input: {name}")
    row = _tensor(value, infos[name].dtype)
    tensor = tensors.setdefault(name, row)
    if tensor is row:
        return
    expected, received = _sizes(tensor), _sizes(row)
    if math.prod(expected) != math.prod(received):
        raise invalid_argument(
            f"Expecting tensor size: {math.prod(expected)} but got: {math.prod(received)}"
        )
    if expected != received:
        raise invalid_argument(f"Expecting shape {_shape(expected)} but got: {_shape(received)}")
    shape = tensor_shape_pb2.TensorShapeProto()
    shape.CopyFrom(tensor.tensor_shape)
    tensor.MergeFrom(row)  # Appends the values, and the dimensions too.
    tensor.tensor_shape.CopyFrom(shape)


def _sizes(tensor: tensor_pb2.TensorProto) -> list[int]:
    return [dimension.size for dimension in tensor.tensor_shape.dim]


def _shape(sizes: list[int]) -> str:
    return "[" + ",".join(map(str, sizes)) + "]"


def _tensor(value: Any, dtype: int) -> tensor_pb2.TensorProto:
    """Returns nested lists as a tensor; their first elements say the shape."""
    tensor = tensor_pb2.TensorProto(dtype=dtype)
    tensor.tensor_shape.SetInParent()
    inner, sizes = value, []
    while isinstance(inner, list):
        sizes.append(len(inner))
        tensor.tensor_shape.dim.add(size=len(inner))
        if not inner:
            break
        inner = inner[0]
    _fill(tensor, value, 0, sizes)
    return tensor


def _fill(tensor: tensor_pb2.TensorProto, value: Any, level: int, sizes: list[int]) -> None:
    if not isinstance(value, list):
        if level != len(sizes):
            raise invalid_argument(
                f"JSON Value: {show(value)} found at incorrect level: {level + 1} in the JSON DOM. "
                f"Expected at level: {len(sizes)}"
            )
        _add_value(tensor, value)
        return
    if level >= len(sizes):
        raise invalid_argument(
            f"Encountered list at unexpected level: {level} expected < {len(sizes)}"
        )
    if len(value) != sizes[level]:
        raise invalid_argument(
            f"Encountered list at unexpected size: {len(value)} at level: {level} "
            f"expected size: {sizes[level]}"
        )
    for element in value:
        _fill(tensor, element, level + 1, sizes)


def _add_value(tensor: tensor_pb2.TensorProto, value: Any) -> None:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if is_number:
        value = number_of(value)
    if tensor.dtype == types_pb2.DT_STRING and isinstance(value, dict):
        tensor.string_val.append(decode_base64(value))
    elif tensor.dtype == types_pb2.DT_STRING and isinstance(value, str):
        tensor.string_val.append(bytes_of(value))
    elif tensor.dtype == types_pb2.DT_BOOL and isinstance(value, bool):
        tensor.bool_val.append(value)
    elif tensor.dtype in _DECIMALS and is_number:
        field, digits = _DECIMALS[tensor.dtype]
        _check_lossless(value, digits)
        getattr(tensor, field).append(value)
    elif tensor.dtype in _INTEGERS and is_number and isinstance(value, int):
        field, smallest, largest = _INTEGERS[tensor.dtype]
        if not smallest <= value <= largest:
            raise _type_error(value, tensor.dtype)
        getattr(tensor, field).append(value)
    else:
        raise _type_error(value, tensor.dtype)


def _check_lossless(value: float, digits: int) -> None:
    name = "float" if digits == 24 else "double"
    if isinstance(value, int):
        lossless = abs(value) < 1 << digits
    else:
        lossless = not math.isfinite(value) or digits == 53 or abs(value) <= _FLOAT32_MAX
    if not lossless:
        raise invalid_argument(
            f"Cannot convert JSON value: {show(value)} to {name} without loss of precision."
        )


def _type_error(value: Any, dtype: int) -> ServingError:
    known = (types_pb2.DT_STRING, types_pb2.DT_BOOL, *_DECIMALS, *_INTEGERS)
    name = types_pb2.DataType.Name(dtype).removeprefix("DT_").lower()
    if dtype not in known:
        return ServingError(
            grpc.StatusCode.UNIMPLEMENTED,
            f"Conversion of JSON Value: {show(value)} to type: {name}",
        )
    return invalid_argument(
        f"JSON Value: {show(value)} Type: {type_name(value)} is not of expected type: {name}"
    )

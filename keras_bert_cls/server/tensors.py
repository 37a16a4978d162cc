"""TensorProto to numpy and back, the way TensorFlow Serving reads and writes it.

`tf.make_ndarray` and `tf.make_tensor_proto` differ from the server's C++: the first refuses values
that the server cuts or repeats, the second writes `tensor_content` where the server writes typed
fields such as `float_val`, which is all that some clients read.
"""

import math

import ml_dtypes
import numpy as np
from tensorflow.core.framework import tensor_pb2, types_pb2

# A few bytes can ask for any size, because missing values repeat the last one.
_MAX_ELEMENTS = 1 << 22
_MAX_DIMENSIONS = 64  # of a numpy array; no signature comes near

_NUMERIC_TYPES: dict[int, tuple[type, str]] = {
    types_pb2.DT_FLOAT: (np.float32, "float_val"),
    types_pb2.DT_DOUBLE: (np.float64, "double_val"),
    types_pb2.DT_INT8: (np.int8, "int_val"),
    types_pb2.DT_INT16: (np.int16, "int_val"),
    types_pb2.DT_INT32: (np.int32, "int_val"),
    types_pb2.DT_INT64: (np.int64, "int64_val"),
    types_pb2.DT_UINT8: (np.uint8, "int_val"),
    types_pb2.DT_UINT16: (np.uint16, "int_val"),
    types_pb2.DT_UINT32: (np.uint32, "uint32_val"),
    types_pb2.DT_UINT64: (np.uint64, "uint64_val"),
    types_pb2.DT_BOOL: (np.bool_, "bool_val"),
    types_pb2.DT_HALF: (np.float16, "half_val"),
    types_pb2.DT_BFLOAT16: (ml_dtypes.bfloat16, "half_val"),
}
_ENUM_OF_TYPE = {np.dtype(numpy): enum for enum, (numpy, _) in _NUMERIC_TYPES.items()}


def array_of(proto: tensor_pb2.TensorProto) -> np.ndarray:
    """Returns the tensor's values as tensorflow::Tensor::FromProto reads them.

    Surplus values are dropped, missing ones repeat the last, and none at all means zeros.

    Args:
      proto: of a numeric type or of strings.

    Returns:
      An array of the tensor's shape; strings are `bytes` in an object array.

    Raises:
      ValueError: the shape, the type or the content is not one that the server can read.
    """
    shape = [dimension.size for dimension in proto.tensor_shape.dim]
    if len(shape) > _MAX_DIMENSIONS or min(shape, default=0) < 0:
        raise ValueError(f"impossible shape {shape}")
    count = math.prod(shape)
    if count > _MAX_ELEMENTS:
        raise ValueError(f"{count} elements, the limit is {_MAX_ELEMENTS}")
    if proto.dtype == types_pb2.DT_STRING:
        return _strings(proto, count).reshape(shape)
    if proto.dtype not in _NUMERIC_TYPES:
        raise ValueError(f"unsupported type {proto.dtype}")
    return _numbers(proto, count).reshape(shape)


def write_tensor(array: np.ndarray, proto: tensor_pb2.TensorProto) -> None:
    """Fills an empty `proto` with `array`, its values in the typed field of its type.

    Args:
      array: of a numeric type, or `bytes` in an object array.
      proto: where to write.
    """
    proto.tensor_shape.SetInParent()  # A scalar has a shape too, one without dimensions.
    for size in array.shape:
        proto.tensor_shape.dim.add(size=size)
    if array.dtype == object:
        proto.dtype = types_pb2.DT_STRING
        proto.string_val.extend(array.ravel().tolist())
        return
    proto.dtype = _ENUM_OF_TYPE[array.dtype]
    _, field = _NUMERIC_TYPES[proto.dtype]
    flat = array.ravel()
    getattr(proto, field).extend((flat.view(np.uint16) if field == "half_val" else flat).tolist())


def _strings(proto: tensor_pb2.TensorProto, count: int) -> np.ndarray:
    if proto.tensor_content and count:
        values = _split_strings(proto.tensor_content, count)
    else:
        values = list(proto.string_val[:count])
    values += [values[-1] if values else b""] * (count - len(values))
    array = np.empty(count, object)
    array[:] = values
    return array


def _split_strings(content: bytes, count: int) -> list[bytes]:
    """Splits packed strings: the length of each as a varint, then all bytes."""
    position = 0
    lengths = []
    for _ in range(count):
        length, position = _varint(content, position)
        lengths.append(length)
    if sum(lengths) != len(content) - position:
        raise ValueError("the packed strings have another total length than their lengths say")
    values = []
    for length in lengths:
        values.append(content[position : position + length])
        position += length
    return values


def _varint(content: bytes, position: int) -> tuple[int, int]:
    """Returns a base-128 number (at most 32 bits) and the position behind it."""
    value = 0
    for shift in range(0, 35, 7):
        if position >= len(content):
            break
        byte = content[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, position
    raise ValueError("a length of the packed strings is broken")


def _numbers(proto: tensor_pb2.TensorProto, count: int) -> np.ndarray:
    numpy_type, field = _NUMERIC_TYPES[proto.dtype]
    if proto.tensor_content and count:
        packed: np.ndarray = np.frombuffer(proto.tensor_content, numpy_type)
        if len(packed) != count:
            raise ValueError(f"the content holds {len(packed)} values, the shape {count}")
        return packed
    sent = getattr(proto, field)[:count]
    values: np.ndarray = np.zeros(count, numpy_type)
    if field == "half_val":
        values[: len(sent)] = np.array(sent, np.int64).astype(np.uint16).view(numpy_type)
    elif field == "int_val":
        # Through its own width: C++ wraps what a narrower type cannot hold, numpy refuses it.
        values[: len(sent)] = np.array(sent, np.int64).astype(numpy_type)
    else:
        values[: len(sent)] = sent
    values[len(sent) :] = values[len(sent) - 1] if sent else 0
    return values

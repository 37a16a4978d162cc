"""Tensors are read as TensorFlow's C++ reads them: `tf.io.parse_tensor` is the reference."""

import ml_dtypes
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tensorflow.core.framework import tensor_pb2, types_pb2

from keras_bert_cls.server.tensors import array_of, write_tensor

VALUES = {
    types_pb2.DT_STRING: ("string_val", st.binary(max_size=4)),
    types_pb2.DT_FLOAT: ("float_val", st.floats(width=32)),
    types_pb2.DT_DOUBLE: ("double_val", st.floats()),
    types_pb2.DT_INT8: ("int_val", st.integers(-(2**31), 2**31 - 1)),
    types_pb2.DT_INT16: ("int_val", st.integers(-(2**31), 2**31 - 1)),
    types_pb2.DT_INT32: ("int_val", st.integers(-(2**31), 2**31 - 1)),
    types_pb2.DT_INT64: ("int64_val", st.integers(-(2**63), 2**63 - 1)),
    types_pb2.DT_UINT8: ("int_val", st.integers(-(2**31), 2**31 - 1)),
    types_pb2.DT_UINT16: ("int_val", st.integers(-(2**31), 2**31 - 1)),
    types_pb2.DT_UINT32: ("uint32_val", st.integers(0, 2**32 - 1)),
    types_pb2.DT_UINT64: ("uint64_val", st.integers(0, 2**64 - 1)),
    types_pb2.DT_BOOL: ("bool_val", st.booleans()),
    types_pb2.DT_HALF: ("half_val", st.integers(0, 2**16 - 1)),
    types_pb2.DT_BFLOAT16: ("half_val", st.integers(0, 2**16 - 1)),
}


def proto_of(dtype, shape, **fields):
    proto = tensor_pb2.TensorProto(dtype=dtype, **fields)
    for size in shape:
        proto.tensor_shape.dim.add(size=size)
    return proto


@st.composite
def protos(draw):
    dtype = draw(st.sampled_from(sorted(VALUES)))
    field, values = VALUES[dtype]
    shape = draw(st.lists(st.integers(-1, 3), max_size=3))
    proto = proto_of(dtype, shape)
    getattr(proto, field).extend(draw(st.lists(values, max_size=10)))
    content = draw(st.one_of(st.just(b""), st.binary(max_size=12)))
    if dtype != types_pb2.DT_BOOL:  # Bytes other than 0 and 1 are no booleans in numpy.
        proto.tensor_content = content
    return proto


@settings(max_examples=150, deadline=None)
@given(protos())
@example(proto_of(types_pb2.DT_STRING, [2], tensor_content=b"\x01\x02abb"))
@example(proto_of(types_pb2.DT_STRING, [1], tensor_content=b"\x81\x01" + b"a" * 129))
@example(proto_of(types_pb2.DT_STRING, [1], tensor_content=b"\xff\xff\xff\xff\xff\xff"))
@example(proto_of(types_pb2.DT_STRING, [0], tensor_content=b"junk"))
@example(proto_of(types_pb2.DT_STRING, [3], string_val=[b"a"]))
@example(proto_of(types_pb2.DT_STRING, [], string_val=[b"\0"]))
@example(proto_of(types_pb2.DT_FLOAT, [2], tensor_content=b"12345678"))
@example(proto_of(types_pb2.DT_UINT64, [2], uint64_val=[0, 2**63 + 1]))
@example(proto_of(types_pb2.DT_FLOAT, [1] * 64, float_val=[1.0]))
def test_reads_as_tensorflow(proto):
    dtype = tf.dtypes.as_dtype(proto.dtype)
    try:
        expected = tf.io.parse_tensor(proto.SerializeToString(), dtype)
    except tf.errors.InvalidArgumentError:
        with pytest.raises(ValueError):
            array_of(proto)
        return
    received = array_of(proto)
    assert received.shape == expected.shape
    if dtype == tf.string:
        # A scalar is bytes, which numpy's own type of strings would cut at NULs.
        flat = np.ravel(np.array(expected.numpy(), object))
        assert received.ravel().tolist() == flat.tolist()
    else:
        assert received.dtype == dtype.as_numpy_dtype
        assert received.tobytes() == expected.numpy().tobytes()


@pytest.mark.parametrize("shape", [[1 << 40], [1 << 40, 1 << 40], [1 << 23], [1] * 255])
def test_huge_shapes_are_refused_before_they_take_memory(shape):
    with pytest.raises(ValueError, match=r"elements|impossible shape"):
        array_of(proto_of(types_pb2.DT_STRING, shape, string_val=[b"a"]))


@pytest.mark.parametrize(
    "dtype", [types_pb2.DT_INVALID, types_pb2.DT_VARIANT, types_pb2.DT_RESOURCE, 9999]
)
def test_types_that_are_no_data(dtype):
    with pytest.raises(ValueError, match="unsupported type"):
        array_of(proto_of(dtype, [1]))


@pytest.mark.parametrize(
    ("array", "field"),
    [
        (np.array([[b"a", b"\xff"], [b"", "好".encode()]], object), "string_val"),
        (np.array([[1.5, -2.0]], np.float32), "float_val"),
        (np.array([1.5], np.float64), "double_val"),
        (np.array([1, -2], np.int32), "int_val"),
        (np.array([1, -2], np.int64), "int64_val"),
        (np.array([True, False]), "bool_val"),
        (np.array([1.5, 2.0], np.float16), "half_val"),
        (np.array([1.5, 2.0], ml_dtypes.bfloat16), "half_val"),
        (np.array(7.0, np.float32), "float_val"),
        (np.zeros([0, 3], np.float32), "float_val"),
    ],
)
def test_writes_typed_fields(array, field):
    proto = tensor_pb2.TensorProto()
    write_tensor(array, proto)
    assert not proto.tensor_content
    assert len(getattr(proto, field)) == array.size
    assert proto.HasField("tensor_shape")
    received = tf.make_ndarray(proto)  # TensorFlow's own reader
    assert received.shape == array.shape
    assert received.tolist() == array.tolist()

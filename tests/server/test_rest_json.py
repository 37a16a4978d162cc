"""JSON to tensors and back, against numpy and Python's own json."""

import base64
import json

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from tensorflow.core.framework import tensor_pb2, types_pb2
from tensorflow.core.protobuf import meta_graph_pb2

from keras_bert_cls.server.rest.json_answers import write_columns, write_rows
from keras_bert_cls.server.rest.json_tensors import tensors_of_columns, tensors_of_rows
from keras_bert_cls.server.rest.json_text import (
    bytes_of,
    parse_object,
    show,
    write_decimal,
    write_string,
)
from keras_bert_cls.server.status_errors import ServingError
from keras_bert_cls.server.tensors import array_of, write_tensor

DTYPES = {
    np.float32: types_pb2.DT_FLOAT,
    np.float64: types_pb2.DT_DOUBLE,
    np.int32: types_pb2.DT_INT32,
    np.int64: types_pb2.DT_INT64,
    np.uint8: types_pb2.DT_UINT8,
    np.bool_: types_pb2.DT_BOOL,
}


def infos(**dtypes):
    return {name: meta_graph_pb2.TensorInfo(dtype=dtype) for name, dtype in dtypes.items()}


numbers = st.sampled_from(list(DTYPES)).flatmap(
    lambda dtype: arrays.arrays(dtype, arrays.array_shapes(min_dims=1, max_dims=3, max_side=4))
)


@settings(max_examples=50, deadline=None)
@given(numbers)
def test_numbers_survive_both_ways(array):
    sent = json.loads(json.dumps({"x": array.tolist()}))["x"]
    inputs = infos(x=DTYPES[array.dtype.type])
    for tensors in (tensors_of_columns(sent, inputs), tensors_of_rows(sent, inputs)):
        received = array_of(tensors["x"])
        assert received.dtype == array.dtype
        np.testing.assert_array_equal(received, array)
    proto = tensor_pb2.TensorProto()
    write_tensor(array, proto)
    for write, key in ((write_columns, "outputs"), (write_rows, "predictions")):
        returned = np.array(json.loads(write({"x": proto}))[key]).astype(array.dtype)
        np.testing.assert_array_equal(returned, array)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.text(), min_size=1, max_size=4))
def test_texts_survive_both_ways(texts):
    try:
        expected = [text.encode() for text in texts]
    except UnicodeEncodeError:  # no text, but half of a pair of surrogates
        return
    document = parse_object(json.dumps({"instances": texts}).encode())
    tensors = tensors_of_rows(document["instances"], infos(text=types_pb2.DT_STRING))
    assert list(tensors["text"].string_val) == expected
    assert json.loads(write_rows(tensors)) == {"predictions": texts}
    assert json.loads(write_rows({"x_bytes": tensors["text"]})) == {
        "predictions": [{"b64": base64.b64encode(text).decode()} for text in expected]
    }


@settings(max_examples=100, deadline=None)
@given(st.floats(width=32))
def test_decimals_read_back_the_same(value):
    written = write_decimal(np.float32(value))
    np.testing.assert_array_equal(np.float32(json.loads(written)), np.float32(value))
    assert set(written) & set(".eNI")  # never like an integer


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.2, "0.2"), (1.0, "1.0"), (9e6, "9e+06"), (3e-5, "3e-05"), (1 / 3, "0.333333343")],
)
def test_decimals_are_written_as_tensorflow_serving_does(value, text):
    assert write_decimal(np.float32(value)) == text


def test_several_outputs_by_rows():
    protos = {"b": tf.make_tensor_proto([[1, 2], [3, 4]]), "a": tf.make_tensor_proto(["x", "y"])}
    assert json.loads(write_rows(protos)) == {
        "predictions": [{"a": "x", "b": [1, 2]}, {"a": "y", "b": [3, 4]}]
    }


@pytest.mark.parametrize(
    ("outputs", "message"),
    [
        ({"x": tf.make_tensor_proto(1.0)}, "Tensor name: x has no shape information "),
        (
            {"x": tf.make_tensor_proto(np.zeros([0, 2]))},
            "Tensor name: x has invalid batch size: 0",
        ),
        (
            {"x": tf.make_tensor_proto([1]), "y": tf.make_tensor_proto([1, 2])},
            "Tensor name: y has inconsistent batch size: 2 expecting: 1",
        ),
        (
            {"x": tf.make_tensor_proto([1.0], tf.bfloat16)},
            "Failed to write JSON value for tensor type: bfloat16",
        ),
    ],
)
def test_outputs_that_are_no_rows(outputs, message):
    with pytest.raises(ServingError) as caught:
        write_rows(outputs)
    assert caught.value.message == message


@pytest.mark.parametrize(
    ("dtype", "value", "message"),
    [
        (types_pb2.DT_FLOAT, 1 << 24, "Cannot convert JSON value: 16777216 to float without"),
        (types_pb2.DT_FLOAT, 1e39, "Cannot convert JSON value: 1e+39 to float without"),
        (types_pb2.DT_DOUBLE, (1 << 53) + 1, "Cannot convert JSON value: 9007199254740993 to"),
        (types_pb2.DT_INT64, 1 << 63, "Type: Number is not of expected type: int64"),
        (types_pb2.DT_INT32, True, "JSON Value: true Type: True is not of expected type: int32"),
        (types_pb2.DT_BOOL, 1, "Type: Number is not of expected type: bool"),
        (types_pb2.DT_STRING, None, "JSON Value: null Type: Null is not of expected type: string"),
        (types_pb2.DT_FLOAT, 10**400, "Number too big to be stored in double."),
        (types_pb2.DT_BFLOAT16, 1.0, "Conversion of JSON Value: 1.0 to type: bfloat16"),
    ],
)
def test_values_of_another_type(dtype, value, message):
    with pytest.raises(ServingError) as caught:
        tensors_of_columns([value], infos(x=dtype))
    assert message in caught.value.message


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf"), 3])
def test_numbers_that_are_no_decimals_fit_decimals(value):
    tensors = tensors_of_columns([value], infos(x=types_pb2.DT_FLOAT))
    np.testing.assert_array_equal(array_of(tensors["x"]), np.float32([value]))


def test_bytes_that_are_no_utf8_come_through():
    document = parse_object(b'\xef\xbb\xbf{"x": "\xff\xfe"}')
    assert bytes_of(document["x"]) == b"\xff\xfe"
    assert write_string(b"\xff") == '"\ufffd"'


def test_huge_values_are_shown_in_part():
    assert len(show(["x" * 10_000] * 10_000)) < 3000


@pytest.mark.parametrize(
    ("body", "is_too_deep"),
    [
        ("[" * 100, False),
        ("[" * 101, True),
        ('{"x": ' * 101 + "1" + "}" * 101, True),
        ('{"x": ' * 90 + "1" + "}" * 90, False),
        (json.dumps({"x": [[]] * 1000}), False),
        (json.dumps({"x": '\\"' + "[" * 1000}), False),
        ('{"x": [' + '"[[", ' * 200 + "1]}", False),
        ('{"x": "' + "[" * 1000, True),  # A string without an end: it does not matter which error.
    ],
)
def test_nesting(body, is_too_deep):
    try:
        parse_object(body.encode())
    except ServingError as error:
        assert ("nested too deeply" in error.message) == is_too_deep
    else:
        assert not is_too_deep


def test_names_that_are_no_utf8():
    document = parse_object(b'{"instances": [{"text\xff": "a"}]}')
    with pytest.raises(ServingError, match="does not have named input: text"):
        tensors_of_rows(document["instances"], infos(text=types_pb2.DT_STRING))

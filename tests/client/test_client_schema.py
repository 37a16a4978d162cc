"""Our declarations of TensorFlow Serving's messages against the official ones."""

import itertools

import pytest
from google.protobuf import any_pb2, descriptor, wrappers_pb2
from tensorflow.core.example import example_pb2, feature_pb2
from tensorflow.core.framework import tensor_pb2, tensor_shape_pb2
from tensorflow.core.protobuf import meta_graph_pb2
from tensorflow_serving.apis import (
    classification_pb2,
    get_model_metadata_pb2,
    get_model_status_pb2,
    input_pb2,
    model_pb2,
    predict_pb2,
    status_pb2,
)

from keras_bert_cls.client.schema import MESSAGES

OFFICIAL_MODULES = (
    any_pb2,
    classification_pb2,
    example_pb2,
    feature_pb2,
    get_model_metadata_pb2,
    get_model_status_pb2,
    input_pb2,
    meta_graph_pb2,
    model_pb2,
    predict_pb2,
    status_pb2,
    tensor_pb2,
    tensor_shape_pb2,
    wrappers_pb2,
)
NESTED = {
    "Dim": tensor_shape_pb2.TensorShapeProto.Dim,
    "SignatureDefMap": get_model_metadata_pb2.SignatureDefMap,
}
ENUM, INT32 = descriptor.FieldDescriptor.TYPE_ENUM, descriptor.FieldDescriptor.TYPE_INT32


def official_class(name):
    if name in NESTED:
        return NESTED[name]
    (found,) = {getattr(m, name) for m in OFFICIAL_MODULES if hasattr(m, name)}
    return found


def wire_type(field):
    return INT32 if field.type == ENUM else field.type


def is_map(field):
    return field.message_type is not None and field.message_type.GetOptions().map_entry


@pytest.mark.parametrize("name", sorted(MESSAGES))
def test_fields_are_the_official_ones(name):
    official = official_class(name).DESCRIPTOR.fields_by_name
    ours = MESSAGES[name].DESCRIPTOR.fields_by_name
    for field_name, field in ours.items():
        counterpart = official[field_name]
        assert field.number == counterpart.number
        assert wire_type(field) == wire_type(counterpart)
        assert field.is_repeated == counterpart.is_repeated
        assert is_map(field) == is_map(counterpart)
        if is_map(field):
            pairs = itertools.product(("key", "value"), (field, counterpart))
            types = [wire_type(f.message_type.fields_by_name[part]) for part, f in pairs]
            assert types[:2] == [types[0]] * 2
            assert types[2:] == [types[2]] * 2
        elif field.message_type is not None:
            assert field.message_type.name == counterpart.message_type.name


def test_messages_live_beside_tensorflows():
    assert MESSAGES["PredictRequest"].DESCRIPTOR.file.pool is not (
        predict_pb2.PredictRequest.DESCRIPTOR.file.pool
    )
    ours = MESSAGES["PredictRequest"]()
    ours.model_spec.name = "m"
    ours.model_spec.version.value = 3
    ours.inputs["text"].string_val.append(b"a")
    ours.inputs["text"].tensor_shape.dim.add(size=1)
    official = predict_pb2.PredictRequest.FromString(ours.SerializeToString())
    assert official.model_spec.version.value == 3
    assert official.inputs["text"].string_val == [b"a"]
    assert MESSAGES["PredictRequest"].FromString(official.SerializeToString()) == ours

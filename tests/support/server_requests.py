"""Requests of TensorFlow Serving's messages, and what the server says against them."""

import grpc
import pytest
import tensorflow as tf
from google.protobuf import text_format
from tensorflow_serving.apis import (
    classification_pb2,
    get_model_metadata_pb2,
    get_model_status_pb2,
    inference_pb2,
    model_management_pb2,
    predict_pb2,
    regression_pb2,
)

SECONDS = 30
INVALID, PRECONDITION = grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.FAILED_PRECONDITION
NOT_FOUND = grpc.StatusCode.NOT_FOUND


def predict_request(
    model="tiny", signature="", version=None, label=None, output_filter=(), **inputs
):
    request = predict_pb2.PredictRequest(output_filter=output_filter)
    request.model_spec.name = model
    request.model_spec.signature_name = signature
    if version is not None:
        request.model_spec.version.value = version
    if label is not None:
        request.model_spec.version_label = label
    for name, value in inputs.items():
        request.inputs[name].CopyFrom(tf.make_tensor_proto(value))
    return request


def example_request(request_type, signature, texts, feature="text"):
    request = request_type()
    request.model_spec.name = "tiny"
    request.model_spec.signature_name = signature
    for text in texts:
        example = request.input.example_list.examples.add()
        example.features.feature[feature].bytes_list.value.append(text.encode())
    return request


def classification(signature="classify", texts=("a",), feature="text"):
    return example_request(classification_pb2.ClassificationRequest, signature, texts, feature)


def regression(signature="regress", texts=("a",)):
    return example_request(regression_pb2.RegressionRequest, signature, texts)


def multi_inference(*tasks, texts=("a",)):
    """Returns a request with tasks (model, signature, method), such as ("m", "s", "classify")."""
    request = inference_pb2.MultiInferenceRequest()
    for model, signature, method in tasks:
        task = request.tasks.add(method_name=f"tensorflow/serving/{method}")
        task.model_spec.name = model
        task.model_spec.signature_name = signature
    for text in texts:
        example = request.input.example_list.examples.add()
        example.features.feature["text"].bytes_list.value.append(text.encode())
    return request


def model_config(name, base_path, more=""):
    """Returns an entry of a ModelConfigList in text format."""
    return (
        f"config {{ name: '{name}' base_path: '{base_path}' model_platform: 'tensorflow' {more} }}"
    )


def reload_request(*entries):
    request = model_management_pb2.ReloadConfigRequest()
    text_format.Parse(f"model_config_list {{ {' '.join(entries)} }}", request.config)
    return request


def metadata_request(model="tiny", fields=("signature_def",), version=None):
    request = get_model_metadata_pb2.GetModelMetadataRequest(metadata_field=fields)
    request.model_spec.name = model
    if version is not None:
        request.model_spec.version.value = version
    return request


def status_request(model, version=None):
    request = get_model_status_pb2.GetModelStatusRequest()
    request.model_spec.name = model
    if version is not None:
        request.model_spec.version.value = version
    return request


def refusal(method, request):
    with pytest.raises(grpc.RpcError) as caught:
        method(request, timeout=SECONDS)
    return caught.value.code(), caught.value.details()

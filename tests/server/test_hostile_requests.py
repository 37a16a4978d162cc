"""Requests that no proper client sends, and errors that the model or the server makes itself."""

import re

import grpc
import pytest
import tiny_models
from running_server import running_server
from server_requests import INVALID, SECONDS, predict_request, refusal
from server_stubs import Stubs
from tensorflow.core.framework import types_pb2


def broken_tensor(change):
    request = predict_request(text=["a"])
    change(request.inputs["text"])
    return request


def set_size(tensor, size):
    tensor.tensor_shape.dim[0].size = size


def set_float_content(tensor):
    tensor.Clear()
    tensor.dtype = types_pb2.DT_FLOAT
    tensor.tensor_shape.dim.add(size=2)
    tensor.tensor_content = b"three bytes too few"


@pytest.mark.parametrize(
    "change",
    [
        lambda tensor: set_size(tensor, -1),
        lambda tensor: set_size(tensor, 1 << 62),
        lambda tensor: tensor.tensor_shape.dim.add(size=1 << 62),
        lambda tensor: setattr(tensor, "dtype", types_pb2.DT_INVALID),
        lambda tensor: setattr(tensor, "dtype", types_pb2.DT_VARIANT),
        lambda tensor: setattr(tensor, "tensor_content", b"\xff\xff"),
        set_float_content,
        lambda tensor: tensor.Clear(),
    ],
)
def test_tensor_that_cannot_be_read(stubs, change):
    request = broken_tensor(change)
    assert refusal(stubs.prediction.Predict, request) == (INVALID, "tensor parsing error: text")


def test_long_messages_are_cut(stubs):
    code, message = refusal(
        stubs.prediction.Predict, predict_request(text=["a"], output_filter=["界" * 1000])
    )
    assert code == INVALID
    body = message.removesuffix("...TRUNCATED")
    assert body != message
    assert 1024 - 3 <= len(body.encode()) <= 1024
    assert body.startswith("output tensor alias not found in signature: 界界")


def test_the_graphs_own_error(stubs):
    code, message = refusal(
        stubs.prediction.Predict, predict_request(text=["fine", tiny_models.POISON])
    )
    assert code == INVALID
    assert message.startswith("assertion failed: [poisoned batch]")
    assert "/" not in message.replace("Assert/Assert", "")  # no path of the server


def test_the_graphs_error_about_bytes_that_are_no_text(stubs):
    code, message = refusal(
        stubs.prediction.Predict, predict_request(signature="slow", seconds=[b"\xff"])
    )
    assert code == INVALID
    assert "could not correctly convert string: \ufffd" in message


def test_bytes_that_are_no_message(stubs):
    predict = stubs.channel.unary_unary("/tensorflow.serving.PredictionService/Predict")
    assert refusal(predict, b"\xff\xff\xff") == (
        grpc.StatusCode.INTERNAL,
        "The request cannot be parsed.",
    )


def test_unknown_methods(stubs):
    unknown = stubs.channel.unary_unary("/tensorflow.serving.PredictionService/Divine")
    assert refusal(unknown, b"")[0] == grpc.StatusCode.UNIMPLEMENTED


def test_request_above_the_size_limit(tmp_path, classifier_folder):
    (tmp_path / "1").symlink_to(classifier_folder)
    with running_server(tmp_path, max_message_bytes=1000) as server:
        small = Stubs(server.address)
        with small.channel:
            code, _ = refusal(small.prediction.Predict, predict_request(text=["a" * 2000]))
            assert code == grpc.StatusCode.RESOURCE_EXHAUSTED
            small.prediction.Predict(predict_request(text=["a"]), timeout=SECONDS)


def test_unexpected_errors_tell_nothing(server, stubs, monkeypatch, caplog):
    def fail(*_):
        raise RuntimeError("secret in /etc/path")

    monkeypatch.setattr("keras_bert_cls.server.predict.response", fail)
    code, message = refusal(stubs.prediction.Predict, predict_request(text=["a"]))
    assert code == grpc.StatusCode.INTERNAL
    assert not re.search("secret|/", message)
    assert "secret in /etc/path" in caplog.text  # with its trace, in the server's log

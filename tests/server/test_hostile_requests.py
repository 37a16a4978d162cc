"""Requests that no proper client sends, and errors that the model or the server makes itself."""

import re

import grpc
import pytest
import tiny_models
from running_server import running_server
from server_requests import INVALID, SECONDS, predict_request, refusal
from server_stubs import Stubs
from tensorflow.core.framework import types_pb2

from keras_bert_cls.server.batcher import Batcher


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


def test_a_text_above_the_limit(tmp_path, classifier_folder):
    (tmp_path / "1").symlink_to(classifier_folder)
    with running_server(tmp_path, max_text_bytes=10) as server:
        limited = Stubs(server.address)
        with limited.channel:
            assert refusal(limited.prediction.Predict, predict_request(text=["a" * 11])) == (
                INVALID,
                "Text of 11 bytes is larger than the limit of 10",
            )
            limited.prediction.Predict(predict_request(text=["a" * 10]), timeout=SECONDS)


def test_a_unix_socket_and_channel_arguments(tmp_path, classifier_folder):
    (tmp_path / "base").mkdir()
    (tmp_path / "base" / "1").symlink_to(classifier_folder)
    settings = {
        "grpc_socket_path": str(tmp_path / "socket"),
        "grpc_channel_arguments": ("grpc.max_receive_message_length=1000", "grpc.x=y"),
    }
    with running_server(tmp_path / "base", **settings) as server:
        for address in (f"unix:{tmp_path / 'socket'}", server.address):
            stubs = Stubs(address)
            with stubs.channel:
                stubs.prediction.Predict(predict_request(text=["a"]), timeout=SECONDS)
                code, _ = refusal(stubs.prediction.Predict, predict_request(text=["a" * 2000]))
                assert code == grpc.StatusCode.RESOURCE_EXHAUSTED


def test_a_connection_has_so_many_streams(tmp_path, classifier_folder, monkeypatch):
    (tmp_path / "1").symlink_to(classifier_folder)
    under_way, most = 0, 0
    run = Batcher.run

    async def counting(self, *arguments):
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        try:
            return await run(self, *arguments)
        finally:
            under_way -= 1

    monkeypatch.setattr(Batcher, "run", counting)
    settings = {"grpc_max_concurrent_streams": 2, "num_batch_threads": 4}
    with running_server(tmp_path, **settings) as server:
        limited = Stubs(server.address)
        with limited.channel:
            slow = predict_request(signature="slow", seconds=["0.05"])
            limited.prediction.Predict(slow, timeout=SECONDS)  # The client knows the limit now.
            calls = [limited.prediction.Predict.future(slow, timeout=SECONDS) for _ in range(8)]
            # gRPC may refuse a stream (UNAVAILABLE) that the client opens before the server has
            # closed the one before; it never computes more at a time.
            codes = [call.code() for call in calls]
    assert set(codes) <= {grpc.StatusCode.OK, grpc.StatusCode.UNAVAILABLE}
    assert codes.count(grpc.StatusCode.OK) >= 2
    assert most == 2

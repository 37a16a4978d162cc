"""The client against a real server."""

import concurrent.futures

import grpc
import pytest
import tiny_models
from running_server import running_server

from keras_bert_cls.client import Client, ServerError, TensorSpec
from keras_bert_cls.errors import UserError
from keras_bert_cls.server.predict import prepare

TEXTS = ["", "好吃！", "a rather long text about nothing"]


def assert_right(predictions, texts, shift=0.0):
    assert len(predictions) == len(texts)
    for prediction, text in zip(predictions, texts, strict=True):
        expected = dict(
            zip(tiny_models.LABELS, tiny_models.expected_scores(text, shift), strict=True)
        )
        assert list(prediction.probabilities) == list(tiny_models.LABELS)
        assert prediction.probabilities == pytest.approx(expected, rel=1e-5, abs=1e-7)
        assert prediction.label == max(expected, key=expected.get)
        assert prediction.score == pytest.approx(max(expected.values()), rel=1e-5)
        assert prediction.value is None


def test_predict(client):
    assert_right(client.predict(TEXTS), TEXTS)


def test_classify(client):
    assert_right(client.classify(TEXTS), TEXTS)


def test_no_texts_need_no_server():
    with Client("127.0.0.1:1", "tiny") as nobody_there:
        assert nobody_there.predict([]) == []


def test_long_lists_are_sent_in_slices(server, monkeypatch):
    sizes = []

    def counting(servable, request):
        sizes.append(len(request.inputs["text"].string_val))
        return prepare(servable, request)

    monkeypatch.setattr("keras_bert_cls.server.predict.prepare", counting)
    texts = ["x" * n for n in range(10)]
    with Client(server.address, "tiny", batch_size=4) as client:
        assert_right(client.predict(texts), texts)
    assert sizes == [4, 4, 2]


def test_label_names_are_asked_for_once(server, monkeypatch):
    from keras_bert_cls.server import classify

    calls = []
    original = classify.prepare

    def counting(servable, request):
        calls.append(request)
        return original(servable, request)

    monkeypatch.setattr(classify, "prepare", counting)
    with Client(server.address, "tiny", batch_size=2) as client:
        client.predict(TEXTS)
        client.predict(TEXTS)
    assert len(calls) == 1


def test_threads_may_share_a_client(client):
    texts = [["x" * n] for n in range(32)]
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        for predictions, asked in zip(pool.map(client.predict, texts), texts, strict=True):
            assert_right(predictions, asked)


def test_metadata(client):
    signatures = client.metadata()
    assert signatures["serving_default"].inputs == {"text": TensorSpec("string", (None,))}
    assert signatures["serving_default"].outputs == {
        "label": TensorSpec("string", (None,)),
        "score": TensorSpec("float32", (None,)),
        "probabilities": TensorSpec("float32", (None, 3)),
    }
    assert signatures["tokens"].inputs == {"ids": TensorSpec("int32", (None, None))}
    assert signatures["pair"].method_name == "tensorflow/serving/predict"


def test_status_and_readiness(client):
    (status,) = client.status()
    assert (status.version, status.state) == (1, "AVAILABLE")
    assert (status.code, status.message) == (grpc.StatusCode.OK, "")
    assert client.is_ready()


def test_unknown_model_is_not_ready(server):
    with Client(server.address, "m") as client:
        assert not client.is_ready()
        with pytest.raises(ServerError, match="Could not find any versions of model m"):
            client.status()


def test_nobody_listens():
    with Client("127.0.0.1:1", "tiny", timeout=5) as client:
        assert not client.is_ready()
        with pytest.raises(ServerError, match="Is the server running") as caught:
            client.predict(["a"])
        assert caught.value.code == grpc.StatusCode.UNAVAILABLE
        assert "Predict on 127.0.0.1:1" in str(caught.value)


def test_errors_name_code_and_message(client, server):
    with pytest.raises(ServerError, match="poisoned batch") as caught:
        client.predict([tiny_models.POISON])
    assert caught.value.code == grpc.StatusCode.INVALID_ARGUMENT
    with Client(server.address, "tiny", version=7) as other, pytest.raises(ServerError) as caught:
        other.predict(["a"])
    assert caught.value.code == grpc.StatusCode.NOT_FOUND
    assert caught.value.details == "Servable not found for request: Specific(tiny, 7)"


def test_timeout(server, monkeypatch):
    # A queue whose only worker is held never answers in time.
    with (
        running_server(server.base, num_batch_threads=1) as held,
        Client(held.address, "tiny", timeout=0.2) as client,
    ):
        client.predict(["a"])
        channel = grpc.insecure_channel(held.address)
        send = channel.unary_unary("/tensorflow.serving.PredictionService/Predict")
        call = send.future(slow_request(1.0).SerializeToString(), timeout=30)
        assert send_and_wait_for_arrival(channel)
        with pytest.raises(ServerError, match="longer timeout") as caught:
            client.predict(["a"])
        assert caught.value.code == grpc.StatusCode.DEADLINE_EXCEEDED
        call.result()
        channel.close()


def slow_request(seconds):
    import tensorflow as tf
    from tensorflow_serving.apis import predict_pb2

    request = predict_pb2.PredictRequest()
    request.model_spec.name = "tiny"
    request.model_spec.signature_name = "slow"
    request.inputs["seconds"].CopyFrom(tf.make_tensor_proto([str(seconds)]))
    return request


def send_and_wait_for_arrival(channel):
    """Asks something quick: its answer says that what was sent before has arrived."""
    from tensorflow_serving.apis import get_model_status_pb2

    request = get_model_status_pb2.GetModelStatusRequest()
    request.model_spec.name = "tiny"
    send = channel.unary_unary("/tensorflow.serving.ModelService/GetModelStatus")
    return send(request.SerializeToString(), timeout=30)


@pytest.mark.parametrize(
    ("texts", "pairs", "message"),
    [
        ("one text", None, "expected texts to be a list of strings, got one string"),
        (["a", 5], None, r"texts\[1\] is a int"),
        ([b"a"], None, r"texts\[0\] is a bytes"),
        (["a"], ["b", "c"], "expected as many text_pairs as texts, got 2 and 1"),
        (["a", "\ud800"], None, r"texts\[1\] cannot be sent as UTF-8"),
    ],
)
def test_wrong_texts(client, texts, pairs, message):
    with pytest.raises(UserError, match=message):
        client.predict(texts, pairs)


def test_batch_size_must_be_positive():
    with pytest.raises(UserError, match="batch_size must be at least 1, got 0"):
        Client("127.0.0.1:1", "tiny", batch_size=0)


def test_text_pairs_need_a_model_of_pairs(client):
    with pytest.raises(ServerError, match=r"Sent extra: \{text_pair\}"):
        client.predict(["a"], ["b"])


def test_regression(tmp_path):
    tiny_models.write_regressor(tmp_path / "1")
    with running_server(tmp_path) as server, Client(server.address, "tiny") as client:
        predictions = client.predict(["abc", ""])
    assert [prediction.value for prediction in predictions] == [3.0, 0.0]
    assert predictions[0].label is None
    assert predictions[0].probabilities is None


def test_model_that_does_not_classify(tmp_path):
    tiny_models.write_other(tmp_path / "1")
    with (
        running_server(tmp_path) as server,
        Client(server.address, "tiny") as client,
        pytest.raises(UserError, match="gives label and score, or value; this one gives something"),
    ):
        client.predict(["abc"])


def test_a_version_that_is_replaced_between_the_two_calls(tmp_path, versions, monkeypatch):
    """Predict is answered by version 1, which is gone when its label names are asked for."""
    from keras_bert_cls.server import predict

    (tmp_path / "1").symlink_to(versions / "first")
    with running_server(tmp_path, file_system_poll_wait_seconds=0) as server:
        original = predict.response

        def replacing(request, computation, outputs):
            (tmp_path / "2").symlink_to(versions / "second")
            monkeypatch.setattr(predict, "response", original)
            refreshed.append(server.refresh_soon())
            return original(request, computation, outputs)

        refreshed = []
        monkeypatch.setattr(predict, "response", replacing)
        with Client(server.address, "tiny") as client:
            assert_right(client.predict(TEXTS), TEXTS, shift=100.0)

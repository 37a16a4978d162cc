"""The client against a real server."""

import asyncio
import concurrent.futures

import grpc
import pytest
import tensorflow as tf
import tiny_models
from running_server import running_server
from tensorflow_serving.apis import (
    get_model_metadata_pb2,
    predict_pb2,
    prediction_service_pb2_grpc,
)

from keras_bert_cls.client import AsyncClient, Client, ServerError, TensorSpec
from keras_bert_cls.errors import UserError
from keras_bert_cls.server import classify, predict

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


def test_the_client_of_asyncio_says_the_same(server, client):
    async def ask():
        async with AsyncClient(server.address, "tiny", batch_size=2) as asking:
            return await asyncio.gather(
                asking.predict(TEXTS),
                asking.classify(TEXTS),
                asking.metadata(),
                asking.status(),
                asking.is_ready(),
            )

    predicted, classified, metadata, status, ready = asyncio.run(ask())
    assert_right(predicted, TEXTS)
    assert_right(classified, TEXTS)
    assert (metadata, status, ready) == (client.metadata(), client.status(), True)


def test_a_version_by_its_label(client, server):
    with Client(server.address, "tiny", version_label="stable") as labelled:
        with pytest.raises(ServerError) as caught:
            labelled.predict(["a"])
        assert caught.value.details == "Unrecognized servable version label: stable"


def test_no_texts_need_no_server():
    with Client("127.0.0.1:1", "tiny") as nobody_there:
        assert nobody_there.predict([]) == []


def test_long_lists_are_sent_in_slices(server, monkeypatch):
    sizes = []
    original = predict.prepare

    def counting(servable, request):
        sizes.append(len(request.inputs["text"].string_val))
        return original(servable, request)

    monkeypatch.setattr(predict, "prepare", counting)
    texts = ["x" * n for n in range(10)]
    with Client(server.address, "tiny", batch_size=4, parallel_requests=1) as client:
        assert_right(client.predict(texts), texts)
    assert sizes == [4, 4, 2]


def test_label_names_are_asked_for_once(server, monkeypatch):
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


def test_errors_name_code_and_message(client, server):
    with pytest.raises(ServerError, match="poisoned batch") as caught:
        client.predict([tiny_models.POISON])
    assert caught.value.code == grpc.StatusCode.INVALID_ARGUMENT
    with Client(server.address, "tiny", version=7) as other, pytest.raises(ServerError) as caught:
        other.predict(["a"])
    assert caught.value.code == grpc.StatusCode.NOT_FOUND
    assert caught.value.details == "Servable not found for request: Specific(tiny, 7)"


def test_a_task_that_the_model_has_not(client):
    with pytest.raises(ServerError, match="It answers bertcls-predict without --task") as caught:
        client.predict(["a"], task="tone")
    assert caught.value.details == 'Serving signature key "tone" not found.'


def test_timeout(server):
    # The only worker is held, so an answer cannot come in time.
    with (
        running_server(server.base, num_batch_threads=1) as held,
        Client(held.address, "tiny", timeout=0.2) as client,
    ):
        client.predict(["a"])
        with grpc.insecure_channel(held.address) as channel:
            call = hold_the_worker(channel, seconds=0.6)
            with pytest.raises(ServerError, match="longer timeout") as caught:
                client.predict(["a"])
            call.result()
        assert caught.value.code == grpc.StatusCode.DEADLINE_EXCEEDED


def hold_the_worker(channel, seconds):
    """Returns the future of a call that keeps a worker busy, once the server has it."""
    request = predict_pb2.PredictRequest()
    request.model_spec.name = "tiny"
    request.model_spec.signature_name = "slow"
    request.inputs["seconds"].CopyFrom(tf.make_tensor_proto([str(seconds)]))
    stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
    call = stub.Predict.future(request, timeout=30)
    # What is asked later on the same connection is answered only after the first has arrived.
    metadata = get_model_metadata_pb2.GetModelMetadataRequest(metadata_field=["signature_def"])
    metadata.model_spec.name = "tiny"
    stub.GetModelMetadata(metadata, timeout=30)
    return call


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


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"batch_size": 0}, "at least 1 of rows, got 0"),
        ({"batch_tokens": 0}, "at least 1 of tokens, got 0"),
        ({"batch_bytes": -1}, "at least 1 of bytes, got -1"),
        ({"timeout": 0}, "timeout must be above 0, got 0"),
        ({"parallel_requests": 0}, "parallel_requests must be above 0, got 0"),
        ({"version": 1, "version_label": "stable"}, "got both 1 and 'stable'"),
    ],
)
def test_wrong_settings(settings, message):
    with pytest.raises(UserError, match=message):
        Client("127.0.0.1:1", "tiny", **settings)


def test_text_pairs_need_a_model_of_pairs(client):
    with pytest.raises(ServerError, match=r"Sent extra: \{text_pair\}"):
        client.predict(["a"], ["b"])


def test_pairs(tmp_path):
    tiny_models.write_pair_classifier(tmp_path / "1")
    with running_server(tmp_path) as server, Client(server.address, "tiny") as client:
        for ask in (client.predict, client.classify):
            same, other = ask(["a", "b"], ["a", "c"])
            assert (same.label, same.probabilities) == ("same", {"same": 0.75, "other": 0.25})
            assert (other.label, other.probabilities) == ("other", {"same": 0.25, "other": 0.75})


def test_regression(tmp_path):
    tiny_models.write_regressor(tmp_path / "1")
    with running_server(tmp_path) as server, Client(server.address, "tiny") as client:
        predictions = client.predict(["abc", ""])
    assert [prediction.value for prediction in predictions] == [3.0, 0.0]
    assert predictions[0].label is None
    assert predictions[0].probabilities is None


def test_model_that_does_not_classify(tmp_path):
    tiny_models.write_regressor(tmp_path / "1", output="something")
    with (
        running_server(tmp_path) as server,
        Client(server.address, "tiny") as client,
        pytest.raises(UserError, match="gives label and score, or value; this one gives something"),
    ):
        client.predict(["abc"])

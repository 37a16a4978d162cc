"""Many clients at once: the same answers as alone, and nobody pays for another's request."""

import concurrent.futures
import random

import grpc
import numpy as np
import pytest
import tensorflow as tf
import tiny_models
from running_server import running_server
from server_stubs import Stubs
from tensorflow_serving.apis import predict_pb2

from keras_bert_cls.server.servable import Servable

SECONDS = 60
CLIENTS = 16


def predict_request(signature="serving_default", **inputs):
    request = predict_pb2.PredictRequest()
    request.model_spec.name = "tiny"
    request.model_spec.signature_name = signature
    for name, texts in inputs.items():
        request.inputs[name].CopyFrom(tf.make_tensor_proto(texts, tf.string))
    return request


def random_texts(generator):
    count = generator.randint(0, 5)
    return ["好a" * generator.randint(0, 8) for _ in range(count)]


def ask_many_times(address, seed):
    """Asks 30 times on a channel of its own; returns the texts and answers."""
    generator = random.Random(seed)
    stubs = Stubs(address)
    with stubs.channel:
        exchanges = []
        for _ in range(30):
            texts = random_texts(generator)
            signature, inputs = generator.choice(
                [
                    ("serving_default", {"text": texts}),
                    ("pair", {"text": texts, "text_pair": texts[::-1]}),
                ]
            )
            request = predict_request(signature, **inputs)
            exchanges.append((request, stubs.prediction.Predict(request, timeout=SECONDS)))
        return exchanges


def test_answers_of_sixteen_clients_equal_those_of_one(server, stubs, monkeypatch):
    batches = []
    run = Servable.run

    def counting(self, signature, inputs, outputs):
        batches.append(len(next(iter(inputs.values()))))
        return run(self, signature, inputs, outputs)

    monkeypatch.setattr(Servable, "run", counting)
    with concurrent.futures.ThreadPoolExecutor(CLIENTS) as pool:
        exchanges = [
            exchange
            for many in pool.map(lambda seed: ask_many_times(server.address, seed), range(CLIENTS))
            for exchange in many
        ]
    assert len(batches) < len(exchanges), "no requests were ever merged"
    for request, together in exchanges:
        alone = stubs.prediction.Predict(request, timeout=SECONDS)
        assert together.model_spec == alone.model_spec
        assert together.outputs["label"] == alone.outputs["label"]
        for name in ("score", "probabilities"):
            assert together.outputs[name].tensor_shape == alone.outputs[name].tensor_shape
            np.testing.assert_allclose(
                together.outputs[name].float_val, alone.outputs[name].float_val, rtol=1e-6
            )


def test_poison_among_many_fails_alone(server, stubs):
    texts = [tiny_models.POISON if n % 7 == 3 else f"text {n}" for n in range(64)]
    calls = [
        stubs.prediction.Predict.future(predict_request(text=[text]), timeout=SECONDS)
        for text in texts
    ]
    for text, call in zip(texts, calls, strict=True):
        if text == tiny_models.POISON:
            assert call.code() == grpc.StatusCode.INVALID_ARGUMENT
            assert call.details().startswith("assertion failed: [poisoned batch]")
        else:
            scores = tiny_models.expected_scores(text)
            assert list(call.result().outputs["score"].float_val) == pytest.approx([max(scores)])


def test_deadline(stubs):
    call = stubs.prediction.Predict.future(predict_request("slow", seconds=["0.5"]), timeout=0.05)
    assert call.code() == grpc.StatusCode.DEADLINE_EXCEEDED
    stubs.prediction.Predict(predict_request(text=["a"]), timeout=SECONDS)


def test_cancelled_calls_do_not_disturb_others(stubs):
    cancelled = [
        stubs.prediction.Predict.future(predict_request("slow", seconds=["0.2"]), timeout=SECONDS)
        for _ in range(6)
    ]
    others = [
        stubs.prediction.Predict.future(predict_request(text=["abc"]), timeout=SECONDS)
        for _ in range(6)
    ]
    for call in cancelled:
        call.cancel()
    for call in others:
        assert call.result().outputs["label"].string_val == [b"short"]
    assert all(call.cancelled() for call in cancelled)


def test_overload_is_refused_and_passes(tmp_path, classifier_folder):
    (tmp_path / "1").symlink_to(classifier_folder)
    settings = {"num_batch_threads": 1, "max_batch_size": 1, "max_enqueued_batches": 2}
    with running_server(tmp_path, **settings) as server:
        stubs = Stubs(server.address)
        with stubs.channel:
            calls = [
                stubs.prediction.Predict.future(
                    predict_request("slow", seconds=["0.1"]), timeout=SECONDS
                )
                for _ in range(8)
            ]
            codes = [call.code() for call in calls]
            assert codes.count(grpc.StatusCode.OK) == 3  # one runs, two wait
            assert codes.count(grpc.StatusCode.RESOURCE_EXHAUSTED) == 5
            stubs.prediction.Predict(predict_request(text=["a"]), timeout=SECONDS)

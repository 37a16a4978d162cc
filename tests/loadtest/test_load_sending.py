"""Loads that are really sent, to a server that can be held."""

import concurrent.futures
import dataclasses
import math
import threading

import grpc
import pytest
from fake_serving import FakeServing, fake_serving

from keras_bert_cls.client import SignatureSpec, TensorSpec
from keras_bert_cls.client.endpoint import Endpoint
from keras_bert_cls.client.requests import ModelChoice
from keras_bert_cls.client.schema import MESSAGES
from keras_bert_cls.errors import UserError
from keras_bert_cls.loadtest.load import ClosedLoop, OpenLoop, Period, Question
from keras_bert_cls.loadtest.processes import run_load
from keras_bert_cls.loadtest.request_mix import RequestMix
from keras_bert_cls.loadtest.sender import Share, send_share
from keras_bert_cls.loadtest.signature_inputs import text_inputs

TEXTS = [f"text {number}".encode() for number in range(50)]
PERIOD = Period(warmup_seconds=0.05, seconds=0.3)


def question(address="127.0.0.1:1", **more):
    return Question(
        **{
            "endpoint": Endpoint(address),
            "model": ModelChoice("m", version=3),
            "signature_name": "serving_default",
            "inputs": ("text",),
            "texts": TEXTS,
            "timeout": 10.0,
            **more,
        }
    )


def drawn(mix, count):
    contents = [mix.draw().content for _ in range(count)]
    return [MESSAGES["PredictRequest"].FromString(content) for content in contents]


def test_requests_are_drawn_from_the_texts_by_seed_and_stream():
    asked = question(rows=3, inputs=("text", "text_pair"))
    requests = drawn(RequestMix(asked, "a"), 200)
    assert requests == drawn(RequestMix(asked, "a"), 200)
    assert requests != drawn(RequestMix(asked, "b"), 200)
    other_seed = dataclasses.replace(asked, seed=1)
    assert requests != drawn(RequestMix(other_seed, "a"), 200)
    used = set()
    for request in requests:
        assert (request.model_spec.name, request.model_spec.version.value) == ("m", 3)
        assert request.model_spec.signature_name == "serving_default"
        assert set(request.inputs) == {"text", "text_pair"}
        for tensor in request.inputs.values():
            assert [dim.size for dim in tensor.tensor_shape.dim] == [3]
            assert len(tensor.string_val) == 3
            used.update(tensor.string_val)
    assert used == set(TEXTS)


def test_arrivals_are_those_of_a_poisson_process():
    mix = RequestMix(question(), "a")
    gaps = [mix.seconds_to_next(20.0) for _ in range(4000)]
    mean = sum(gaps) / len(gaps)
    spread = math.sqrt(sum((gap - mean) ** 2 for gap in gaps) / len(gaps))
    # Mean and deviation of an exponential distribution are equal; 5 standard errors.
    assert mean == pytest.approx(0.05, rel=5 / math.sqrt(4000))
    assert spread == pytest.approx(0.05, rel=0.15)


def test_a_closed_loop_keeps_to_its_clients():
    service = FakeServing()
    service.may_answer.clear()
    with fake_serving(service) as address, concurrent.futures.ThreadPoolExecutor() as pool:
        share = Share(question(address), ClosedLoop(3), PERIOD, "a")
        sending = pool.submit(send_share, share)
        while len(service.requests) < 3:
            service.arrived.wait()
            service.arrived.clear()
        # A fourth request would be there: the time of the load is over before these are answered.
        with pytest.raises(concurrent.futures.TimeoutError):
            sending.result(timeout=0.5)
        assert len(service.requests) == 3
        service.may_answer.set()
        sent = sending.result(30)
    assert [sample.code for sample in sent.samples] == ["OK"] * 3


def test_an_open_loop_does_not_wait_for_answers():
    """The server answers nothing until five requests are there."""
    service = FakeServing()
    service.may_answer.clear()

    def answer_when_five_wait():
        while len(service.requests) < 5:
            service.arrived.wait()
            service.arrived.clear()
        service.may_answer.set()

    answering = threading.Thread(target=answer_when_five_wait)
    with fake_serving(service) as address:
        answering.start()
        sent = send_share(Share(question(address), OpenLoop(60.0), PERIOD, "a"))
        answering.join()
    assert len(sent.samples) == len(service.requests)
    first_answer = min(sample.finished for sample in sent.samples)
    assert sum(sample.sent < first_answer for sample in sent.samples) >= 5
    assert all(sample.intended <= sample.sent for sample in sent.samples)


def test_an_open_loop_sends_the_same_for_the_same_seed():
    with fake_serving(FakeServing()) as address:
        share = Share(question(address), OpenLoop(100.0), PERIOD, "a")
        first, second = (
            [sample.intended for sample in sorted(send_share(share).samples, key=due)]
            for _ in range(2)
        )
    assert first == second


def due(sample):
    return sample.intended


@pytest.mark.parametrize("load", [ClosedLoop(4), OpenLoop(200.0)], ids=str)
def test_several_processes(load):
    service = FakeServing()
    with fake_serving(service) as address:
        period = Period(warmup_seconds=0.0, seconds=0.3)
        result = run_load(question(address, rows=2), load, period, processes=2)
    assert result.errors == {}
    assert 0 < result.requests <= len(service.requests)
    assert result.rows_per_second == 2 * result.requests_per_second
    first = {bytes(request.inputs["text"].string_val[0]) for request in service.requests}
    assert len(first) > 2


def test_failures_are_counted_and_not_repeated():
    service = FakeServing([grpc.StatusCode.RESOURCE_EXHAUSTED] * 10_000)
    with fake_serving(service) as address:
        share = Share(question(address), ClosedLoop(1), PERIOD, "a")
        samples = send_share(share).samples
    assert {sample.code for sample in samples} == {"RESOURCE_EXHAUSTED"}
    assert len(samples) == len(service.requests)


def signature(**inputs):
    return {"serving_default": SignatureSpec(inputs, {}, "tensorflow/serving/predict")}


TEXT, IDS = TensorSpec("string", (None,)), TensorSpec("int32", (None, None))


def test_inputs_of_signatures_of_texts():
    assert text_inputs(signature(text=TEXT), "serving_default") == ("text",)
    pair = signature(text_pair=TEXT, text=TEXT)
    assert text_inputs(pair, "serving_default") == ("text", "text_pair")


@pytest.mark.parametrize(
    ("signatures", "message"),
    [
        (signature(ids=IDS), r"it takes ids: int32 \(None, None\)"),
        (signature(text=TEXT, ids=IDS), "to take vectors of strings"),
        (signature(), "it takes nothing"),
        ({"serving_defaults": None}, "no signature 'serving_default'.*Did you mean"),
    ],
)
def test_other_signatures(signatures, message):
    with pytest.raises(UserError, match=message):
        text_inputs(signatures, "serving_default")

"""What clients make of answers, without a server."""

import grpc
import pytest

from keras_bert_cls.client import ServerError
from keras_bert_cls.client.exchanges import Exchanges
from keras_bert_cls.client.requests import ModelChoice
from keras_bert_cls.client.schema import MESSAGES
from keras_bert_cls.client.slices import RequestLimits

GONE = ServerError("host:1", "Classify", grpc.StatusCode.NOT_FOUND, "Servable not found")


def exchanges(batch_size=32):
    return Exchanges(ModelChoice("m", version_label="stable"), RequestLimits(batch_size, 10**6, 99))


def predicted(version, texts):
    """A PredictResponse in which version n says "n" of every text."""
    response = MESSAGES["PredictResponse"]()
    response.model_spec.version.value = version
    response.outputs["label"].string_val.extend([str(version).encode()] * len(texts))
    response.outputs["score"].float_val.extend([0.75] * len(texts))
    response.outputs["probabilities"].float_val.extend([0.75, 0.25] * len(texts))
    return response


def classes(version):
    response = MESSAGES["ClassificationResponse"]()
    row = response.result.classifications.add()
    for name in (str(version), "other"):
        row.classes.add(label=name)
    return response


def texts_of(call):
    assert call.method == "Predict"
    assert call.request.model_spec.version_label == "stable"
    return list(call.request.inputs["text"].string_val)


def asked_version(calls):
    (call,) = calls
    assert call.method == "Classify"
    assert call.request.model_spec.version_label == ""
    return call.request.model_spec.version.value


def result_of(exchange, outcome):
    with pytest.raises(StopIteration) as stop:
        exchange.send(outcome)
    return stop.value.value


def test_versions_that_are_swapped_within_a_list():
    """Version 1 answers a part of the list and is gone when its label names are asked for."""
    exchange = exchanges(batch_size=2).predict(["a", "bbbb", "cccccccc"], None)
    parts = [texts_of(call) for call in next(exchange)]
    assert parts == [[b"a", b"bbbb"], [b"cccccccc"]]
    asked = asked_version(exchange.send([predicted(1, parts[0]), predicted(2, parts[1])]))
    answer = {1: GONE, 2: [classes(2)]}
    other = asked_version(exchange.send(answer[asked]))
    assert {asked, other} == {1, 2}
    again = [texts_of(call) for call in exchange.send(answer[other])]
    assert again == [parts[0]]
    predictions = result_of(exchange, [predicted(2, again[0])])
    assert [prediction.label for prediction in predictions] == ["2"] * 3
    assert predictions[0].probabilities == {"2": 0.75, "other": 0.25}


def test_a_server_that_swaps_without_end():
    exchange = exchanges().predict(["a"], None)
    calls = list(next(exchange))
    for version in (1, 2, 3):
        asked_version(exchange.send([predicted(version, texts_of(calls[0]))]))
        if version < 3:
            calls = list(exchange.send(GONE))
    with pytest.raises(ServerError, match="Servable not found"):
        exchange.send(GONE)


def test_label_names_are_kept_for_the_next_list():
    asking = exchanges()
    exchange = asking.predict(["a"], None)
    next(exchange)
    exchange.send([predicted(1, ["a"])])
    result_of(exchange, [classes(1)])
    exchange = asking.predict(["b"], None)
    next(exchange)
    assert result_of(exchange, [predicted(1, ["b"])])[0].probabilities == {"1": 0.75, "other": 0.25}


def test_models_without_classify_give_no_probabilities():
    exchange = exchanges().predict(["a"], None)
    next(exchange)
    exchange.send([predicted(1, ["a"])])
    refusal = ServerError(
        "host:1",
        "Classify",
        grpc.StatusCode.INVALID_ARGUMENT,
        "No signature was found with the name: classify",
    )
    (prediction,) = result_of(exchange, refusal)
    assert (prediction.label, prediction.score, prediction.probabilities) == ("1", 0.75, None)

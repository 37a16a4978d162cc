"""Classify and Regress: statuses and messages of TensorFlow Serving (r2.20)."""

import numpy as np
import pytest
import tiny_models
from server_requests import INVALID, PRECONDITION, SECONDS, classification, refusal, regression
from tensorflow_serving.apis import classification_pb2, regression_pb2


def test_classify(stubs):
    texts = ["a", "0123456789", ""]
    answer = stubs.prediction.Classify(classification(texts=texts), timeout=SECONDS)
    rows = answer.result.classifications
    assert [[c.label for c in row.classes] for row in rows] == [list(tiny_models.LABELS)] * 3
    scores = [[c.score for c in row.classes] for row in rows]
    expected = [tiny_models.expected_scores(text) for text in texts]
    np.testing.assert_allclose(scores, expected, rtol=1e-5, atol=1e-7)
    assert answer.model_spec.signature_name == "classify"
    assert answer.model_spec.version.value == 3


def test_classify_with_context(stubs):
    request = classification_pb2.ClassificationRequest()
    request.model_spec.name = "tiny"
    request.model_spec.signature_name = "classify"
    with_context = request.input.example_list_with_context
    with_context.context.features.feature["text"].bytes_list.value.append(b"a" * 20)
    for _ in range(2):
        with_context.examples.add().features.feature["other"].int64_list.value.append(1)
    answer = stubs.prediction.Classify(request, timeout=SECONDS)
    for row in answer.result.classifications:
        scores = [entry.score for entry in row.classes]
        np.testing.assert_allclose(scores, tiny_models.expected_scores("a" * 20), rtol=1e-5)


@pytest.mark.parametrize(
    ("request_", "code", "message"),
    [
        (classification_pb2.ClassificationRequest(), INVALID, "Missing ModelSpec"),
        (classification("x"), INVALID, "No signature was found with the name: x"),
        (classification("pair"), INVALID, "Expected one input Tensor."),
        (classification("serving_default"), INVALID, "Expected one or two output Tensors, found 3"),
        (classification(texts=[]), INVALID, "Input is empty."),
        (
            classification(texts=["a"] * 65),
            INVALID,
            "Task size 65 is larger than maximum input batch size 64",
        ),
    ],
)
def test_refused_classifications(stubs, request_, code, message):
    assert refusal(stubs.prediction.Classify, request_) == (code, message)


@pytest.mark.parametrize(
    ("signature", "code", "message"),
    [
        ("slow", PRECONDITION, "No classification inputs found in SignatureDef: "),
        (
            "regress",
            PRECONDITION,
            'Expected classification signature outputs to contain at least one of "classes" or '
            '"scores". Signature was: ',
        ),
    ],
)
def test_signatures_that_do_not_classify(stubs, signature, code, message):
    received_code, received = refusal(stubs.prediction.Classify, classification(signature))
    assert received_code == code
    assert received.startswith(message)


def test_example_without_the_feature(stubs):
    code, message = refusal(stubs.prediction.Classify, classification(feature="txet"))
    assert code == INVALID
    assert "Feature: text (data type: string) is required but could not be found." in message


def test_regress(stubs):
    answer = stubs.prediction.Regress(regression(texts=["a", "", "好"]), timeout=SECONDS)
    assert [entry.value for entry in answer.result.regressions] == [1.0, 0.0, 3.0]
    assert answer.model_spec.signature_name == "regress"


@pytest.mark.parametrize(
    ("request_", "code", "message"),
    [
        (regression_pb2.RegressionRequest(), INVALID, "Missing ModelSpec"),
        (regression("x"), INVALID, "No signature was found with the name: x"),
        (regression("pair"), INVALID, "Expected one input Tensor."),
        (regression("classify"), INVALID, "Expected one output Tensor."),
        (regression(texts=[]), INVALID, "Input is empty."),
    ],
)
def test_refused_regressions(stubs, request_, code, message):
    assert refusal(stubs.prediction.Regress, request_) == (code, message)


def test_signature_that_does_not_regress(stubs):
    code, message = refusal(stubs.prediction.Regress, regression("slow"))
    assert code == PRECONDITION
    assert message.startswith("No regression inputs found in SignatureDef: ")

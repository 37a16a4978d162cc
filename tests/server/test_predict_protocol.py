"""Predict, asked with the official stubs: statuses and messages of TensorFlow Serving (r2.20)."""

import numpy as np
import pytest
import tiny_models
from server_requests import INVALID, NOT_FOUND, PRECONDITION, SECONDS, predict_request, refusal
from tensorflow_serving.apis import predict_pb2


def test_predict_answers_in_typed_fields(stubs):
    texts = ["", "好吃！", "a rather long text about nothing"]
    answer = stubs.prediction.Predict(predict_request(text=texts), timeout=SECONDS)
    probabilities = answer.outputs["probabilities"]
    assert [dim.size for dim in probabilities.tensor_shape.dim] == [3, 3]
    assert not probabilities.tensor_content
    expected = [tiny_models.expected_scores(text) for text in texts]
    np.testing.assert_allclose(
        np.reshape(probabilities.float_val, [3, 3]), expected, rtol=1e-5, atol=1e-7
    )
    assert answer.outputs["score"].float_val == pytest.approx(np.max(expected, axis=1), rel=1e-5)
    assert list(answer.outputs["label"].string_val) == [b"short", b"medium", b"long"]
    assert answer.model_spec.name == "tiny"
    assert answer.model_spec.version.value == 3
    assert answer.model_spec.signature_name == "serving_default"


def test_output_filter_chooses(stubs):
    request = predict_request(text=["a"], output_filter=["score"])
    answer = stubs.prediction.Predict(request, timeout=SECONDS)
    assert set(answer.outputs) == {"score"}


def test_version_can_be_named(stubs):
    answer = stubs.prediction.Predict(predict_request(text=["a"], version=3), timeout=SECONDS)
    assert answer.model_spec.version.value == 3


def test_numeric_signature(stubs):
    request = predict_request(signature="tokens", ids=np.array([[1, 2, 3], [4, 5, 6]], np.int32))
    answer = stubs.prediction.Predict(request, timeout=SECONDS)
    assert list(answer.outputs["total"].int_val) == [6, 15]


def test_empty_batch_is_fine(stubs):
    request = predict_request(text=np.array([], object))
    answer = stubs.prediction.Predict(request, timeout=SECONDS)
    assert [d.size for d in answer.outputs["probabilities"].tensor_shape.dim] == [0, 3]


def test_invalid_utf8_is_fine(stubs):
    request = predict_request(text=[b"\xff\xfe\xfd"])
    answer = stubs.prediction.Predict(request, timeout=SECONDS)
    assert answer.outputs["label"].string_val == [b"short"]


def test_missing_values_repeat_the_last(stubs):
    request = predict_request(text=["aa"])
    request.inputs["text"].tensor_shape.dim[0].size = 3
    answer = stubs.prediction.Predict(request, timeout=SECONDS)
    assert len(answer.outputs["score"].float_val) == 3


@pytest.mark.parametrize(
    ("request_", "code", "message"),
    [
        (predict_pb2.PredictRequest(), INVALID, "Missing ModelSpec"),
        (predict_request(model="", text=["a"]), INVALID, "ModelSpec has no name specified."),
        (
            predict_request(model="m", text=["a"]),
            NOT_FOUND,
            "Servable not found for request: Latest(m)",
        ),
        (
            predict_request(version=7, text=["a"]),
            NOT_FOUND,
            "Servable not found for request: Specific(tiny, 7)",
        ),
        (
            predict_request(model="m", version=7, text=["a"]),
            NOT_FOUND,
            "Servable not found for request: Specific(m, 7)",
        ),
        (
            predict_request(label="x", text=["a"]),
            INVALID,
            "Unrecognized servable version label: x",
        ),
        (
            predict_request(signature="x", text=["a"]),
            PRECONDITION,
            'Serving signature key "x" not found.',
        ),
        (
            predict_request(signature="__saved_model_init_op"),
            PRECONDITION,
            'Serving signature key "__saved_model_init_op" not found.',
        ),
        (
            predict_request(),
            INVALID,
            "input size does not match signature: 0!=1 len({}) != len({text}). "
            "Sent extra: {}. Missing but required: {text}.",
        ),
        (
            predict_request(text=["a"], more=["b"]),
            INVALID,
            "input size does not match signature: 2!=1 len({more,text}) != len({text}). "
            "Sent extra: {more}. Missing but required: {}.",
        ),
        (
            predict_request(signature="pair", text=["a"]),
            INVALID,
            "input size does not match signature: 1!=2 len({text}) != len({text,text_pair}). "
            "Sent extra: {}. Missing but required: {text_pair}.",
        ),
        (
            predict_request(txt=["a"]),
            INVALID,
            "Signature input alias: text(feed name: serving_default_text:0) not found in request "
            "and no default value provided. Inputs expected to be in the request {txt}, "
            "or default input alias set: ",
        ),
        (
            predict_request(text=[1.0]),
            INVALID,
            "Expects arg[0] to be string but float is provided",
        ),
        (
            predict_request(signature="tokens", ids=[["a"]]),
            INVALID,
            "Expects arg[0] to be int32 but string is provided",
        ),
        (
            predict_request(text=["a"], output_filter=["q"]),
            INVALID,
            "output tensor alias not found in signature: q "
            "Outputs expected to be in the set {label,probabilities,score}.",
        ),
        (
            predict_request(text=["a"], output_filter=["score", "score"]),
            INVALID,
            "duplicate output tensor alias: score",
        ),
        (
            predict_request(text="a scalar"),
            INVALID,
            "Shape of tensor text [] is not compatible with expected shape [?].",
        ),
        (
            predict_request(text=[["a", "b"]]),
            INVALID,
            "Shape of tensor text [1,2] is not compatible with expected shape [?].",
        ),
        (
            predict_request(signature="tokens", ids=[1, 2]),
            INVALID,
            "Shape of tensor ids [2] is not compatible with expected shape [?,?].",
        ),
        (
            predict_request(signature="pair", text=["a", "b"], text_pair=["c"]),
            INVALID,
            "Batching Run() input tensors must have equal 0th-dimension size",
        ),
        (
            predict_request(text=["a"] * 65),
            INVALID,
            "Task size 65 is larger than maximum input batch size 64",
        ),
    ],
)
def test_refused_predictions(stubs, request_, code, message):
    assert refusal(stubs.prediction.Predict, request_) == (code, message)

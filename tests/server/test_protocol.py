"""Statuses and messages of TensorFlow Serving (r2.20), asked for with its own stubs."""

import re

import grpc
import numpy as np
import pytest
import tensorflow as tf
import tiny_models
from running_server import running_server
from server_stubs import Stubs
from tensorflow.core.framework import types_pb2
from tensorflow_serving.apis import (
    classification_pb2,
    get_model_metadata_pb2,
    get_model_status_pb2,
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


def refusal(method, request):
    with pytest.raises(grpc.RpcError) as caught:
        method(request, timeout=SECONDS)
    return caught.value.code(), caught.value.details()


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


def metadata_request(model="tiny", fields=("signature_def",), version=None):
    request = get_model_metadata_pb2.GetModelMetadataRequest(metadata_field=fields)
    request.model_spec.name = model
    if version is not None:
        request.model_spec.version.value = version
    return request


def test_metadata(stubs):
    answer = stubs.prediction.GetModelMetadata(metadata_request(), timeout=SECONDS)
    assert answer.model_spec.name == "tiny"
    assert answer.model_spec.version.value == 3
    signatures = get_model_metadata_pb2.SignatureDefMap()
    assert answer.metadata["signature_def"].Unpack(signatures)
    pair = signatures.signature_def["pair"]
    assert set(pair.inputs) == {"text", "text_pair"}
    assert pair.inputs["text"].dtype == types_pb2.DT_STRING
    assert [d.size for d in pair.outputs["probabilities"].tensor_shape.dim] == [-1, 3]


@pytest.mark.parametrize(
    ("request_", "code", "message"),
    [
        (
            get_model_metadata_pb2.GetModelMetadataRequest(metadata_field=["signature_def"]),
            INVALID,
            "Missing ModelSpec",
        ),
        (
            metadata_request(fields=[]),
            INVALID,
            "GetModelMetadataRequest must specify at least one metadata_field",
        ),
        (metadata_request(fields=["x"]), INVALID, "Metadata field x is not supported"),
        (metadata_request(model=""), INVALID, "ModelSpec has no name specified."),
        (metadata_request(model="m"), NOT_FOUND, "Servable not found for request: Latest(m)"),
        (
            metadata_request(version=7),
            NOT_FOUND,
            "Servable not found for request: Specific(tiny, 7)",
        ),
    ],
)
def test_refused_metadata(stubs, request_, code, message):
    assert refusal(stubs.prediction.GetModelMetadata, request_) == (code, message)


def status_request(model, version=None):
    request = get_model_status_pb2.GetModelStatusRequest()
    request.model_spec.name = model
    if version is not None:
        request.model_spec.version.value = version
    return request


@pytest.mark.parametrize("version", [None, 3])
def test_status(stubs, version):
    answer = stubs.model.GetModelStatus(status_request("tiny", version), timeout=SECONDS)
    (entry,) = answer.model_version_status
    assert (entry.version, entry.state) == (3, get_model_status_pb2.ModelVersionStatus.AVAILABLE)
    assert entry.HasField("status")
    assert (entry.status.error_code, entry.status.error_message) == (0, "")


@pytest.mark.parametrize(
    ("request_", "code", "message"),
    [
        (get_model_status_pb2.GetModelStatusRequest(), INVALID, "Missing ModelSpec"),
        (status_request("m"), NOT_FOUND, "Could not find any versions of model m"),
        (status_request("tiny", 7), NOT_FOUND, "Could not find version 7 of model tiny"),
        (status_request("m", 7), NOT_FOUND, "Could not find version 7 of model m"),
    ],
)
def test_refused_status(stubs, request_, code, message):
    assert refusal(stubs.model.GetModelStatus, request_) == (code, message)


def test_unexpected_errors_tell_nothing(server, stubs, monkeypatch, caplog):
    def fail(*_):
        raise RuntimeError("secret in /etc/path")

    monkeypatch.setattr("keras_bert_cls.server.predict.response", fail)
    code, message = refusal(stubs.prediction.Predict, predict_request(text=["a"]))
    assert code == grpc.StatusCode.INTERNAL
    assert not re.search("secret|/", message)
    assert "secret in /etc/path" in caplog.text  # with its trace, in the server's log

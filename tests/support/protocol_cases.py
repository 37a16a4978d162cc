"""Requests that a server refuses, and how: TensorFlow Serving's statuses and messages (r2.20)."""

import dataclasses
from typing import Any

import grpc
import numpy as np
from server_requests import (
    INVALID,
    NOT_FOUND,
    PRECONDITION,
    classification,
    metadata_request,
    multi_inference,
    predict_request,
    regression,
    reload_request,
    status_request,
)
from tensorflow_serving.apis import (
    classification_pb2,
    get_model_metadata_pb2,
    get_model_status_pb2,
    model_management_pb2,
    predict_pb2,
    regression_pb2,
)

MAX_BATCH_SIZE = 64  # of the server that is asked


@dataclasses.dataclass(frozen=True)
class Refusal:
    """A request and the answer to it.

    Attributes:
      method: "Predict", "GetModelStatus" and so on.
      request: for a server of the tiny classifier as version 3 of "tiny".
      code, message: of the refusal.
      message_is_ours: whether TensorFlow Serving is only known to answer with the same code.
    """

    method: str
    request: Any
    code: grpc.StatusCode
    message: str
    message_is_ours: bool = False

    def __str__(self) -> str:
        return f"{self.method}: {self.message[:60]}"


def _ours(method: str, request: Any, message: str) -> Refusal:
    return Refusal(method, request, INVALID, message, message_is_ours=True)


PREDICT = [
    Refusal("Predict", predict_pb2.PredictRequest(), INVALID, "Missing ModelSpec"),
    Refusal(
        "Predict",
        predict_request(model="", text=["a"]),
        INVALID,
        "ModelSpec has no name specified.",
    ),
    Refusal(
        "Predict",
        predict_request(model="m", text=["a"]),
        NOT_FOUND,
        "Servable not found for request: Latest(m)",
    ),
    Refusal(
        "Predict",
        predict_request(version=7, text=["a"]),
        NOT_FOUND,
        "Servable not found for request: Specific(tiny, 7)",
    ),
    Refusal(
        "Predict",
        predict_request(model="m", version=7, text=["a"]),
        NOT_FOUND,
        "Servable not found for request: Specific(m, 7)",
    ),
    Refusal(
        "Predict",
        predict_request(label="x", text=["a"]),
        INVALID,
        "Unrecognized servable version label: x",
    ),
    Refusal(
        "Predict",
        predict_request(signature="x", text=["a"]),
        PRECONDITION,
        'Serving signature key "x" not found.',
    ),
    Refusal(
        "Predict",
        predict_request(),
        INVALID,
        "input size does not match signature: 0!=1 len({}) != len({text}). "
        "Sent extra: {}. Missing but required: {text}.",
    ),
    Refusal(
        "Predict",
        predict_request(text=["a"], more=["b"]),
        INVALID,
        "input size does not match signature: 2!=1 len({more,text}) != len({text}). "
        "Sent extra: {more}. Missing but required: {}.",
    ),
    Refusal(
        "Predict",
        predict_request(signature="pair", text=["a"]),
        INVALID,
        "input size does not match signature: 1!=2 len({text}) != len({text,text_pair}). "
        "Sent extra: {}. Missing but required: {text_pair}.",
    ),
    Refusal(
        "Predict",
        predict_request(txt=["a"]),
        INVALID,
        "Signature input alias: text(feed name: serving_default_text:0) not found in request "
        "and no default value provided. Inputs expected to be in the request {txt}, "
        "or default input alias set: ",
    ),
    Refusal(
        "Predict",
        predict_request(text=[1.0]),
        INVALID,
        "Expects arg[0] to be string but float is provided",
    ),
    Refusal(
        "Predict",
        predict_request(signature="tokens", ids=[["a"]]),
        INVALID,
        "Expects arg[0] to be int32 but string is provided",
    ),
    Refusal(
        "Predict",
        predict_request(text=["a"], output_filter=["q"]),
        INVALID,
        "output tensor alias not found in signature: q "
        "Outputs expected to be in the set {label,probabilities,score}.",
    ),
    Refusal(
        "Predict",
        predict_request(text=["a"], output_filter=["score", "score"]),
        INVALID,
        "duplicate output tensor alias: score",
    ),
    _ours(
        "Predict",
        predict_request(text="a scalar"),
        "Shape of tensor text [] is not compatible with expected shape [?].",
    ),
    _ours(
        "Predict",
        predict_request(text=[["a", "b"]]),
        "Shape of tensor text [1,2] is not compatible with expected shape [?].",
    ),
    _ours(
        "Predict",
        predict_request(signature="tokens", ids=np.array([1, 2], np.int32)),
        "Shape of tensor ids [2] is not compatible with expected shape [?,?].",
    ),
    _ours(
        "Predict",
        predict_request(signature="pair", text=["a", "b"], text_pair=["c"]),
        "Batching Run() input tensors must have equal 0th-dimension size",
    ),
    _ours(
        "Predict",
        predict_request(text=["a"] * (MAX_BATCH_SIZE + 1)),
        "Task size 65 is larger than maximum input batch size 64",
    ),
]

EXAMPLES = [
    Refusal("Classify", classification_pb2.ClassificationRequest(), INVALID, "Missing ModelSpec"),
    Refusal("Classify", classification("x"), INVALID, "No signature was found with the name: x"),
    Refusal("Classify", classification("pair"), INVALID, "Expected one input Tensor."),
    Refusal(
        "Classify",
        classification("serving_default"),
        INVALID,
        "Expected one or two output Tensors, found 3",
    ),
    Refusal("Classify", classification(texts=[]), INVALID, "Input is empty."),
    _ours(
        "Classify",
        classification(texts=["a"] * (MAX_BATCH_SIZE + 1)),
        "Task size 65 is larger than maximum input batch size 64",
    ),
    Refusal("Regress", regression_pb2.RegressionRequest(), INVALID, "Missing ModelSpec"),
    Refusal("Regress", regression("x"), INVALID, "No signature was found with the name: x"),
    Refusal("Regress", regression("pair"), INVALID, "Expected one input Tensor."),
    Refusal("Regress", regression("classify"), INVALID, "Expected one output Tensor."),
    Refusal("Regress", regression(texts=[]), INVALID, "Input is empty."),
    Refusal("MultiInference", multi_inference(), INVALID, "ModelSpec has no name specified."),
    Refusal(
        "MultiInference",
        multi_inference(("tiny", "classify", "classify"), ("", "regress", "regress")),
        INVALID,
        "Found ModelSpec with an empty model name.",
    ),
    Refusal(
        "MultiInference",
        multi_inference(("tiny", "classify", "classify"), ("m", "regress", "regress")),
        INVALID,
        "All ModelSpecs in a MultiInferenceRequest must access the same model name.",
    ),
    Refusal(
        "MultiInference",
        multi_inference(("m", "classify", "classify")),
        NOT_FOUND,
        "Servable not found for request: Latest(m)",
    ),
    Refusal(
        "MultiInference",
        multi_inference(("tiny", "classify", "classify"), ("tiny", "classify", "classify")),
        INVALID,
        "Duplicate evaluation of signature: classify",
    ),
    Refusal(
        "MultiInference",
        multi_inference(("tiny", "x", "classify")),
        INVALID,
        "Requested signature not found in model graph: x",
    ),
    Refusal(
        "MultiInference",
        multi_inference(("tiny", "classify", "predict")),
        grpc.StatusCode.UNIMPLEMENTED,
        "Unsupported signature method_name: tensorflow/serving/predict",
    ),
    Refusal(
        "MultiInference",
        multi_inference(("tiny", "classify", "classify"), ("tiny", "regress", "regress")),
        INVALID,
        "Input tensor must be the same for all Signatures.",
    ),
    Refusal(
        "MultiInference",
        multi_inference(("tiny", "classify", "classify"), texts=[]),
        INVALID,
        "Input is empty.",
    ),
]

MODELS = [
    Refusal(
        "GetModelMetadata",
        get_model_metadata_pb2.GetModelMetadataRequest(metadata_field=["signature_def"]),
        INVALID,
        "Missing ModelSpec",
    ),
    Refusal(
        "GetModelMetadata",
        metadata_request(fields=[]),
        INVALID,
        "GetModelMetadataRequest must specify at least one metadata_field",
    ),
    Refusal(
        "GetModelMetadata",
        metadata_request(fields=["x"]),
        INVALID,
        "Metadata field x is not supported",
    ),
    Refusal(
        "GetModelMetadata",
        metadata_request(model=""),
        INVALID,
        "ModelSpec has no name specified.",
    ),
    Refusal(
        "GetModelMetadata",
        metadata_request(model="m"),
        NOT_FOUND,
        "Servable not found for request: Latest(m)",
    ),
    Refusal(
        "GetModelMetadata",
        metadata_request(version=7),
        NOT_FOUND,
        "Servable not found for request: Specific(tiny, 7)",
    ),
    Refusal(
        "GetModelStatus",
        get_model_status_pb2.GetModelStatusRequest(),
        INVALID,
        "Missing ModelSpec",
    ),
    Refusal(
        "GetModelStatus", status_request("m"), NOT_FOUND, "Could not find any versions of model m"
    ),
    Refusal(
        "GetModelStatus",
        status_request("tiny", 7),
        NOT_FOUND,
        "Could not find version 7 of model tiny",
    ),
    Refusal(
        "GetModelStatus", status_request("m", 7), NOT_FOUND, "Could not find version 7 of model m"
    ),
    Refusal(
        "HandleReloadConfigRequest",
        model_management_pb2.ReloadConfigRequest(),
        INVALID,
        "ServerModelConfig type not supported by HandleReloadConfigRequest. Only "
        "ModelConfigList is currently supported",
    ),
    Refusal(
        "HandleReloadConfigRequest",
        reload_request("config { name: 'a' base_path: 'x' model_platform: 'tensorflow' }"),
        INVALID,
        "Expected model a to have an absolute path or URI; got base_path()=x",
    ),
]

REFUSALS = PREDICT + EXAMPLES + MODELS

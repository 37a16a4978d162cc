"""GetModelMetadata and GetModelStatus: statuses and messages of TensorFlow Serving (r2.20)."""

import pytest
from server_requests import INVALID, NOT_FOUND, SECONDS, metadata_request, refusal, status_request
from tensorflow.core.framework import types_pb2
from tensorflow_serving.apis import get_model_metadata_pb2, get_model_status_pb2


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

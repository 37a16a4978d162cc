"""GetModelMetadata: the signatures of a version."""

from tensorflow_serving.apis import get_model_metadata_pb2

from keras_bert_cls.server.servable import Servable
from keras_bert_cls.server.status_errors import invalid_argument

_SIGNATURE_DEF = "signature_def"


def check_request(request: get_model_metadata_pb2.GetModelMetadataRequest) -> None:
    """Raises ServingError unless the request asks for what there is: "signature_def"."""
    if not request.metadata_field:
        raise invalid_argument("GetModelMetadataRequest must specify at least one metadata_field")
    for field in request.metadata_field:
        if field != _SIGNATURE_DEF:
            raise invalid_argument(f"Metadata field {field} is not supported")


def response(servable: Servable) -> get_model_metadata_pb2.GetModelMetadataResponse:
    """Returns all signatures of `servable`."""
    answer = get_model_metadata_pb2.GetModelMetadataResponse()
    answer.model_spec.name = servable.name
    answer.model_spec.version.value = servable.version
    signatures = get_model_metadata_pb2.SignatureDefMap()
    for name, definition in servable.signature_defs.items():
        signatures.signature_def[name].CopyFrom(definition)
    answer.metadata[_SIGNATURE_DEF].Pack(signatures)
    return answer

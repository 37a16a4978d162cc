"""GetModelStatus: the state of each version of a model."""

import dataclasses
import enum
from collections.abc import Mapping

import grpc
from tensorflow_serving.apis import get_model_status_pb2, model_pb2

from keras_bert_cls.server.status_errors import not_found


class State(enum.Enum):
    """The life of a version; the values are those of ModelVersionStatus.State."""

    START = 10
    LOADING = 20
    AVAILABLE = 30
    UNLOADING = 40
    END = 50


@dataclasses.dataclass(frozen=True)
class VersionStatus:
    """Where a version is in its life.

    Attributes:
      state: see State.
      code: OK, or why the version ended before it could serve.
      message: the same in words; no paths.
    """

    state: State
    code: grpc.StatusCode = grpc.StatusCode.OK
    message: str = ""


def response(
    spec: model_pb2.ModelSpec, versions: Mapping[int, VersionStatus]
) -> get_model_status_pb2.GetModelStatusResponse:
    """Returns the states of the version that `spec` names, or of all, the newest first.

    Args:
      spec: a version label in it is ignored, as TensorFlow Serving does.
      versions: number -> status of what the server knows of the model.

    Raises:
      ServingError: nothing is known of the model or the version.
    """
    wanted = dict(sorted(versions.items(), reverse=True))
    if spec.WhichOneof("version_choice") == "version":
        number = spec.version.value
        if number not in versions:
            raise not_found(f"Could not find version {number} of model {spec.name}")
        wanted = {number: versions[number]}
    if not wanted:
        raise not_found(f"Could not find any versions of model {spec.name}")
    answer = get_model_status_pb2.GetModelStatusResponse()
    for number, status in wanted.items():
        entry = answer.model_version_status.add(version=number, state=status.state.value)
        entry.status.error_code = status.code.value[0]
        entry.status.error_message = status.message
    return answer

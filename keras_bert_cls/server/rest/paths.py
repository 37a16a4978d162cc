"""The paths of TensorFlow Serving's REST API."""

import dataclasses
import re
import urllib.parse

from tensorflow_serving.apis import model_pb2

from keras_bert_cls.server.status_errors import invalid_argument

_MODEL_VERSION = r"(?:(?:/versions/(?P<version>\d+))|(?:/labels/(?P<label>[^/:]+)))?"
_INFERENCE = re.compile(
    rf"/v1/models/(?P<name>[^/:]+){_MODEL_VERSION}:(?P<action>classify|regress|predict)",
    re.IGNORECASE | re.ASCII,
)
_DESCRIPTION = re.compile(
    rf"/v1/models(?:/(?P<name>[^/:]+))?{_MODEL_VERSION}(?:/(?P<action>metadata))?",
    re.IGNORECASE | re.ASCII,
)
_LARGEST_VERSION = 2**63 - 1


@dataclasses.dataclass(frozen=True)
class RestCall:
    """What a path asks for.

    Attributes:
      action: "predict", "classify", "regress", "metadata" or "status".
      spec: the model and perhaps its version or label.
    """

    action: str
    spec: model_pb2.ModelSpec


def parse_path(method: str, path: str) -> RestCall:
    """Returns what a request asks for.

    Args:
      method: of HTTP.
      path: as it was sent, without the query.

    Raises:
      ServingError: it is none of the API's paths.
    """
    pattern = {"POST": _INFERENCE, "GET": _DESCRIPTION}.get(method)
    match = pattern.fullmatch(path) if pattern else None
    if match is None:
        raise invalid_argument(f"Malformed request: {method} {path}")
    if match["name"] is None:
        raise invalid_argument("Missing model name in request.")
    spec = model_pb2.ModelSpec(name=_decoded(match["name"]))
    if match["version"] is not None:
        version = int(match["version"][:20])
        if version > _LARGEST_VERSION:
            raise invalid_argument(f"Failed to convert version: {match['version']} to numeric.")
        spec.version.value = version
    elif match["label"] is not None:
        spec.version_label = _decoded(match["label"])
    # Method names come in any case, but TensorFlow Serving knows them in small letters only.
    action = match["action"] or "status"
    if method == "POST" and action != action.lower():
        raise invalid_argument(f"Malformed request: {method} {path}")
    return RestCall(action.lower(), spec)


def _decoded(part: str) -> str:
    return urllib.parse.unquote(part)  # Bytes that are no UTF-8 become U+FFFD.

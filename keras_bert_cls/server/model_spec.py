"""ModelSpec: which model, version and signature a request means or an answer came from."""

import tensorflow as tf
from tensorflow_serving.apis import model_pb2

from keras_bert_cls.server.computation import Computation
from keras_bert_cls.server.status_errors import invalid_argument


def signature_name(spec: model_pb2.ModelSpec) -> str:
    """Returns the name of the signature that `spec` means."""
    return spec.signature_name or tf.saved_model.DEFAULT_SERVING_SIGNATURE_DEF_KEY


def require_model_spec(request) -> None:
    """Raises ServingError if the request names no model at all."""
    if not request.HasField("model_spec"):
        raise invalid_argument("Missing ModelSpec")


def write_model_spec(spec: model_pb2.ModelSpec, model_name: str, computation: Computation) -> None:
    """Says in an answer's `spec` where it came from."""
    spec.name = model_name
    spec.version.value = computation.servable.version
    spec.signature_name = computation.signature.name

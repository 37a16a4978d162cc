"""The gRPC methods: from serialized requests to serialized answers, every failure a status."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import grpc
from google.protobuf.message import DecodeError, Message
from tensorflow_serving.apis import (
    classification_pb2,
    get_model_metadata_pb2,
    get_model_status_pb2,
    inference_pb2,
    model_management_pb2,
    predict_pb2,
    regression_pb2,
)

from keras_bert_cls.server import multi_inference
from keras_bert_cls.server.api import Api
from keras_bert_cls.server.monitoring.metrics import ServerMetrics
from keras_bert_cls.server.status_errors import ServingError

_logger = logging.getLogger(__name__)

PREDICTION_SERVICE = "tensorflow.serving.PredictionService"
MODEL_SERVICE = "tensorflow.serving.ModelService"

_Method = Callable[[Any, float | None], Awaitable[Message]]
_Handler = Callable[[bytes, grpc.aio.ServicerContext], Awaitable[bytes]]


def service_handlers(api: Api, metrics: ServerMetrics) -> tuple[grpc.GenericRpcHandler, ...]:
    """Returns the handlers of PredictionService and ModelService."""
    inferences = {
        "Predict": (api.predict, predict_pb2.PredictRequest),
        "Classify": (api.classify, classification_pb2.ClassificationRequest),
        "Regress": (api.regress, regression_pb2.RegressionRequest),
        "MultiInference": (api.multi_inference, inference_pb2.MultiInferenceRequest),
    }
    metadata_type = get_model_metadata_pb2.GetModelMetadataRequest
    prediction_methods = {
        **{
            name: _counted(name, call, request_type, metrics)
            for name, (call, request_type) in inferences.items()
        },
        "GetModelMetadata": _answering(api.model_metadata, metadata_type),
    }
    model_methods = {
        "GetModelStatus": _answering(api.model_status, get_model_status_pb2.GetModelStatusRequest),
        "HandleReloadConfigRequest": _answering(
            api.reload_config, model_management_pb2.ReloadConfigRequest
        ),
    }
    return _service(PREDICTION_SERVICE, prediction_methods), _service(MODEL_SERVICE, model_methods)


def _service(name: str, methods: Mapping[str, _Handler]) -> grpc.GenericRpcHandler:
    return grpc.method_handlers_generic_handler(
        name,
        {
            method: grpc.unary_unary_rpc_method_handler(handler)
            for method, handler in methods.items()
        },
    )


def _counted(name: str, call: _Method, request_type: Any, metrics: ServerMetrics) -> _Handler:
    """Returns a handler like `_answering`'s that tells the metrics of every answer."""

    async def counted(request: Any, deadline: float | None) -> Message:
        start = time.monotonic()
        code = grpc.StatusCode.INTERNAL
        try:
            answer = await call(request, deadline)
            code = grpc.StatusCode.OK
            return answer
        except ServingError as error:
            code = error.code
            raise
        except asyncio.CancelledError:
            code = grpc.StatusCode.CANCELLED
            raise
        finally:
            seconds = time.monotonic() - start
            metrics.request_answered(_model_name(request), name, "GRPC", code, seconds)

    return _answering(counted, request_type)


def _answering(call: _Method, request_type: Any) -> _Handler:
    """Returns a gRPC handler of serialized messages; whatever goes wrong becomes a status."""

    async def answer(serialized: bytes, context: grpc.aio.ServicerContext) -> bytes:
        remaining = context.time_remaining()
        deadline = None if remaining is None else time.monotonic() + remaining
        try:
            request = request_type.FromString(serialized)
            return (await call(request, deadline)).SerializeToString()
        except ServingError as error:
            code, message = error.code, error.message
        except DecodeError:
            code, message = grpc.StatusCode.INTERNAL, "The request cannot be parsed."
        except Exception:
            _logger.exception("a request failed unexpectedly")
            code, message = grpc.StatusCode.INTERNAL, "Internal error; the server's log says more."
        await context.abort(code, message)
        raise AssertionError("abort returned")

    return answer


def _model_name(request: Any) -> str:
    if hasattr(request, "tasks"):
        return multi_inference.model_spec(request).name
    return request.model_spec.name

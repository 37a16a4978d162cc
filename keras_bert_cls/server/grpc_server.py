"""The gRPC face of the server: PredictionService, ModelService, health and reflection."""

import contextlib
import importlib
import logging
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any

import grpc
from google.protobuf.message import DecodeError, Message
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection
from tensorflow_serving.apis import (
    classification_pb2,
    get_model_metadata_pb2,
    get_model_status_pb2,
    predict_pb2,
    regression_pb2,
)

from keras_bert_cls.errors import UserError
from keras_bert_cls.server.api import Api
from keras_bert_cls.server.options import ServerOptions
from keras_bert_cls.server.status_errors import ServingError

_logger = logging.getLogger(__name__)

PREDICTION_SERVICE = "tensorflow.serving.PredictionService"
MODEL_SERVICE = "tensorflow.serving.ModelService"

_Method = Callable[[Any, float | None], Awaitable[Message]]


class GrpcServer:
    """Listens on a port and hands requests to an Api. It is made inside its event loop.

    Args:
      api: what answers.
      model_names: each is a service of the health protocol.
      options: host, port and limits.
    """

    def __init__(self, api: Api, model_names: Iterable[str], options: ServerOptions):
        self._services = ["", PREDICTION_SERVICE, MODEL_SERVICE, *model_names]
        self._health = health.aio.HealthServicer()
        self._server = grpc.aio.server(
            options=[
                ("grpc.so_reuseport", 0),  # Two servers on a port would share its requests.
                ("grpc.max_receive_message_length", options.max_message_bytes),
                ("grpc.max_send_message_length", -1),
            ],
            maximum_concurrent_rpcs=options.grpc_max_threads,
        )
        self._server.add_generic_rpc_handlers(_handlers(api))
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self._server)
        _add_reflection(self._server)
        self._host, self._port = options.host, options.port

    async def start(self) -> str:
        """Starts to listen, and returns "host:port".

        Raises:
          UserError: the port is taken, or the address is not this machine's.
        """
        address = f"{self._host}:{self._port}"
        try:
            port = self._server.add_insecure_port(address)
        except RuntimeError as error:
            raise UserError(
                f"cannot listen on {address}: is another server running there? "
                "Choose another --port, or --port=0 for any free one."
            ) from error
        for service in self._services:
            await self._health.set(service, health_pb2.HealthCheckResponse.SERVING)
        await self._server.start()
        return f"{self._host}:{port}"

    async def stop(self, drain_seconds: float) -> None:
        """Refuses new requests at once and gives those under way `drain_seconds`."""
        await self._health.enter_graceful_shutdown()
        await self._server.stop(drain_seconds)


def _handlers(api: Api) -> tuple[grpc.GenericRpcHandler, ...]:
    prediction_methods = {
        "Predict": (api.predict, predict_pb2.PredictRequest),
        "Classify": (api.classify, classification_pb2.ClassificationRequest),
        "Regress": (api.regress, regression_pb2.RegressionRequest),
        "GetModelMetadata": (api.model_metadata, get_model_metadata_pb2.GetModelMetadataRequest),
    }
    model_methods = {
        "GetModelStatus": (api.model_status, get_model_status_pb2.GetModelStatusRequest),
    }
    return _service(PREDICTION_SERVICE, prediction_methods), _service(MODEL_SERVICE, model_methods)


def _service(name: str, methods: Mapping[str, tuple[_Method, Any]]) -> grpc.GenericRpcHandler:
    return grpc.method_handlers_generic_handler(
        name,
        {
            method: grpc.unary_unary_rpc_method_handler(_answering(call, request_type))
            for method, (call, request_type) in methods.items()
        },
    )


def _answering(
    call: _Method, request_type: Any
) -> Callable[[bytes, grpc.aio.ServicerContext], Awaitable[bytes]]:
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


def _add_reflection(server: grpc.aio.Server) -> None:
    for module in ("prediction_service_pb2", "model_service_pb2"):
        # With protobuf ≥ 5 the import fails at its end, after it registered the descriptors that
        # reflection looks up; that is all that is wanted of it.
        with contextlib.suppress(AttributeError):
            importlib.import_module(f"tensorflow_serving.apis.{module}")
    services = (PREDICTION_SERVICE, MODEL_SERVICE, health.SERVICE_NAME, reflection.SERVICE_NAME)
    reflection.enable_server_reflection(services, server)

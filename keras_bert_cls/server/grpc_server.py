"""The gRPC face of the server: PredictionService, ModelService, health and reflection."""

import contextlib
import importlib
from collections.abc import Mapping

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from keras_bert_cls.errors import UserError
from keras_bert_cls.server.address import host_and_port
from keras_bert_cls.server.api import Api
from keras_bert_cls.server.grpc_authorization import RequireToken
from keras_bert_cls.server.grpc_handlers import MODEL_SERVICE, PREDICTION_SERVICE, service_handlers
from keras_bert_cls.server.monitoring.metrics import ServerMetrics
from keras_bert_cls.server.options import ServerOptions
from keras_bert_cls.server.security import BearerToken, TlsIdentity

_SERVING = health_pb2.HealthCheckResponse.SERVING
_NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING


class GrpcServer:
    """Listens on a port and hands requests to an Api. It is made inside its event loop.

    Args:
      api: what answers.
      metrics: are told of every answer.
      options: host, port and limits.
      tls: how to encrypt, if at all.
      token: what requests must bring, if anything.
    """

    def __init__(
        self,
        api: Api,
        metrics: ServerMetrics,
        options: ServerOptions,
        tls: TlsIdentity | None,
        token: BearerToken | None,
    ):
        self._options = options
        self._credentials = tls.grpc_credentials() if tls else None
        self._health = health.aio.HealthServicer()
        self._health_of_models: dict[str, bool] = {}
        self._server = grpc.aio.server(
            interceptors=[RequireToken(token)] if token else [],
            options=_channel_options(options),
            maximum_concurrent_rpcs=options.grpc_max_threads,
        )
        self._server.add_generic_rpc_handlers(service_handlers(api, metrics))
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self._server)
        _add_reflection(self._server)

    async def start(self) -> str:
        """Starts to listen, and returns "host:port".

        Raises:
          UserError: the port is taken, or the address is not this machine's.
        """
        host = self._options.host
        address = host_and_port(host, self._options.port)
        port = self._listen(address, "--port, or --port=0 for any free one")
        if self._options.grpc_socket_path:
            self._listen(f"unix:{self._options.grpc_socket_path}", "--grpc_socket_path")
        for service in ("", PREDICTION_SERVICE, MODEL_SERVICE):
            await self._health.set(service, _SERVING)
        await self._server.start()
        return host_and_port(host, port)

    async def set_health(self, models: Mapping[str, bool]) -> None:
        """Says for every model whether it answers; each is a service of the health protocol."""
        for name in self._health_of_models.keys() - models.keys():
            await self._health.set(name, _NOT_SERVING)
        for name, answers in models.items():
            if self._health_of_models.get(name) != answers:
                await self._health.set(name, _SERVING if answers else _NOT_SERVING)
        self._health_of_models = dict(models)

    async def stop(self, drain_seconds: float) -> None:
        """Refuses new requests at once and gives those under way `drain_seconds`."""
        await self._health.enter_graceful_shutdown()
        await self._server.stop(drain_seconds)

    def _listen(self, address: str, flag: str) -> int:
        try:
            if self._credentials is None:
                return self._server.add_insecure_port(address)
            return self._server.add_secure_port(address, self._credentials)
        except RuntimeError as error:
            raise UserError(
                f"cannot listen on {address}: is another server running there? "
                f"Choose another {flag}."
            ) from error


def _channel_options(options: ServerOptions) -> list[tuple[str, int | str]]:
    arguments: dict[str, int | str] = {
        "grpc.so_reuseport": 0,  # Two servers on a port would share its requests.
        "grpc.max_receive_message_length": options.max_message_bytes,
        "grpc.max_send_message_length": -1,
        "grpc.max_concurrent_streams": options.grpc_max_concurrent_streams,
    }
    for pair in options.grpc_channel_arguments:
        name, _, value = pair.partition("=")
        arguments[name] = int(value) if value.lstrip("-").isdigit() else value
    return list(arguments.items())


def _add_reflection(server: grpc.aio.Server) -> None:
    for module in ("prediction_service_pb2", "model_service_pb2"):
        # With protobuf ≥ 5 the import fails at its end, after it registered the descriptors that
        # reflection looks up; that is all that is wanted of it.
        with contextlib.suppress(AttributeError):
            importlib.import_module(f"tensorflow_serving.apis.{module}")
    services = (PREDICTION_SERVICE, MODEL_SERVICE, health.SERVICE_NAME, reflection.SERVICE_NAME)
    reflection.enable_server_reflection(services, server)

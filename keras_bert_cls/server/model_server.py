"""The server as a whole: models, batcher, gRPC and REST put together, started, stopped."""

import asyncio
import contextlib
import dataclasses
import logging
import signal
from collections.abc import Callable, Coroutine
from typing import Any

from keras_bert_cls.cpus import usable_cpus
from keras_bert_cls.errors import UserError
from keras_bert_cls.server.api import Api
from keras_bert_cls.server.batcher import Batcher
from keras_bert_cls.server.batching_parameters import with_batching_parameters
from keras_bert_cls.server.broken_versions import RetryPolicy
from keras_bert_cls.server.config_messages import read_config_message
from keras_bert_cls.server.config_reload import ConfigReload
from keras_bert_cls.server.grpc_server import GrpcServer
from keras_bert_cls.server.model_config import (
    ModelServerConfig,
    read_model_config,
    single_model_config,
)
from keras_bert_cls.server.model_manager import ModelManager
from keras_bert_cls.server.monitoring.metrics import ServerMetrics
from keras_bert_cls.server.options import ServerOptions
from keras_bert_cls.server.request_queue import BatchLimits
from keras_bert_cls.server.rest.rest_server import RestServer
from keras_bert_cls.server.security import BearerToken, TlsIdentity
from keras_bert_cls.server.startup import start_models, watch_model_config
from keras_bert_cls.server.version_labels import VersionLabels
from keras_bert_cls.server.version_loader import VersionLoader

_logger = logging.getLogger(__name__)

_METRICS_PATH = "/monitoring/prometheus/metrics"


@dataclasses.dataclass(frozen=True)
class Addresses:
    """Where a server listens, each "host:port".

    Attributes:
      grpc: for gRPC.
      rest: for HTTP; None where no REST is served.
    """

    grpc: str
    rest: str | None


class ModelServer:
    """A running server. It is made, started and stopped inside one event loop.

    Raises:
      UserError: a file that the options name is wrong.
    """

    def __init__(self, options: ServerOptions):
        options = self._options = with_batching_parameters(options)
        self._metrics = ServerMetrics(is_model=lambda name: name in self._models.models)
        self._models = ModelManager(
            VersionLoader(options, self._metrics),
            VersionLabels(options.allow_version_labels_for_unavailable_models),
            RetryPolicy(options.max_num_load_retries, options.load_retry_interval_micros / 1e6),
        )
        self._models.on_change = self._tell_health
        workers = options.num_batch_threads or usable_cpus()
        self._batcher = Batcher(workers, _batch_limits(options), self._metrics)
        reload = ConfigReload(self._models, options.allowed_model_roots)
        api = Api(self._models, self._batcher, reload)
        tls_file, token_file = options.ssl_config_file, options.bearer_token_file
        tls = TlsIdentity.from_ssl_config(tls_file) if tls_file else None
        token = BearerToken.from_file(token_file) if token_file else None
        self._grpc = GrpcServer(api, self._metrics, options, tls, token)
        self._rest = (
            RestServer(api, self._metrics, _metrics_path(options), options, tls, token)
            if options.rest_api_port
            else None
        )
        if options.monitoring_config_file and not self._rest:
            _logger.warning("metrics are shown on the HTTP port: give --rest_api_port")
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self) -> Addresses:
        """Loads the models, then listens.

        Raises:
          UserError: there is no model to serve, or a port is taken; nothing goes on running.
        """
        try:
            await start_models(self._models, _first_config(self._options))
            addresses = Addresses(
                await self._grpc.start(), await self._rest.start() if self._rest else None
            )
        except BaseException:
            await self.stop()
            raise
        options = self._options
        if options.file_system_poll_wait_seconds > 0:
            self._run(self._models.poll(options.file_system_poll_wait_seconds))
        if options.model_config_file and options.model_config_file_poll_wait_seconds > 0:
            wait_seconds = options.model_config_file_poll_wait_seconds
            self._run(watch_model_config(self._models, options.model_config_file, wait_seconds))
        return addresses

    async def stop(self) -> None:
        """Answers the requests under way, refuses others, and frees everything."""
        self._models.on_change = lambda: None
        for task in list(self._tasks):
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
        await asyncio.gather(
            self._grpc.stop(self._options.drain_seconds),
            *([self._rest.stop()] if self._rest else []),
        )
        await self._batcher.close()
        await self._models.close()
        self._metrics.close()

    def _run(self, coroutine: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _tell_health(self) -> None:
        answers = {name: bool(model.loaded) for name, model in self._models.models.items()}
        self._run(self._grpc.set_health(answers))


async def serve(options: ServerOptions, on_listening: Callable[[Addresses], None]) -> None:
    """Serves until SIGTERM or SIGINT, then drains.

    Args:
      options: see ServerOptions.
      on_listening: is called once requests are answered.

    Raises:
      UserError: there is no model to serve, a port is taken, or a file of the options is wrong.
    """
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    server = ModelServer(options)
    on_listening(await server.start())
    await stopping.wait()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.remove_signal_handler(number)  # The second Ctrl-C does not wait.
    _logger.info("stopping: requests under way are answered, new ones refused")
    await server.stop()


def _first_config(options: ServerOptions) -> ModelServerConfig:
    if options.model_config_file is not None:
        return read_model_config(options.model_config_file)
    if options.model_base_path is None:
        raise UserError("neither --model_base_path nor --model_config_file is given")
    return single_model_config(options.model_name, options.model_base_path)


def _batch_limits(options: ServerOptions) -> BatchLimits:
    return BatchLimits(
        max_batch_size=options.max_batch_size,
        max_batch_tokens=options.max_batch_tokens,
        max_enqueued_batches=options.max_enqueued_batches,
        max_text_bytes=options.max_text_bytes,
        merges_requests=options.enable_batching,
    )


def _metrics_path(options: ServerOptions) -> str | None:
    """Returns where --monitoring_config_file wants metrics; None if it wants none."""
    if options.monitoring_config_file is None:
        return None
    path = options.monitoring_config_file
    config = read_config_message("MonitoringConfig", path, "--monitoring_config_file")
    if not config.prometheus_config.enable:
        return None
    return config.prometheus_config.path or _METRICS_PATH

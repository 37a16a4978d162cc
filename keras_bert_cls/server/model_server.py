"""The server as a whole: models, batcher and gRPC put together, started, stopped."""

import asyncio
import contextlib
import logging
import pathlib
import signal
from collections.abc import Callable

from keras_bert_cls.server import warmup
from keras_bert_cls.server.api import Api
from keras_bert_cls.server.batcher import Batcher
from keras_bert_cls.server.grpc_server import GrpcServer
from keras_bert_cls.server.model_manager import ModelManager
from keras_bert_cls.server.options import ServerOptions
from keras_bert_cls.server.servable import Servable, SessionThreads, load_servable
from keras_bert_cls.server.served_model import ServedModel

_logger = logging.getLogger(__name__)


class ModelServer:
    """A running server. It is made, started and stopped inside one event loop."""

    def __init__(self, options: ServerOptions):
        self._options = options
        model = ServedModel(options.model_name, options.model_base_path, self._load)
        self._models = ModelManager([model])
        self._batcher = Batcher(
            workers=options.num_batch_threads,
            max_batch_size=options.max_batch_size,
            max_enqueued_batches=options.max_enqueued_batches,
        )
        self._grpc = GrpcServer(Api(self._models, self._batcher), self._models.model_names, options)
        self._polling: asyncio.Task[None] | None = None

    async def start(self) -> str:
        """Loads the models, then listens; returns "host:port".

        Raises:
          UserError: there is no model to serve, or the port is taken.
        """
        await self._models.load_all()
        address = await self._grpc.start()
        if self._options.file_system_poll_wait_seconds > 0:
            self._polling = asyncio.create_task(
                self._models.poll(self._options.file_system_poll_wait_seconds)
            )
        return address

    async def stop(self) -> None:
        """Answers the requests under way, refuses others, and frees everything."""
        if self._polling is not None:
            self._polling.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._polling
        await self._grpc.stop(self._options.drain_seconds)
        await self._batcher.close()
        await self._models.close()

    def _load(self, number: int, path: pathlib.Path) -> Servable:
        """Loads and warms up a version; runs on a thread of its own."""
        options = self._options
        threads = SessionThreads(
            intra_op=options.tensorflow_intra_op_parallelism,
            inter_op=options.tensorflow_inter_op_parallelism,
        )
        servable = load_servable(options.model_name, number, path, threads)
        if options.enable_model_warmup:
            try:
                count = warmup.replay(servable, path)
            except BaseException:
                servable.close()
                raise
            _logger.info("version %d: %d warm-up requests replayed", number, count)
        return servable


async def serve(options: ServerOptions, on_listening: Callable[[str], None]) -> None:
    """Serves until SIGTERM or SIGINT, then drains.

    Args:
      options: see ServerOptions.
      on_listening: is called with "host:port" once requests are answered.

    Raises:
      UserError: there is no model to serve, or the port is taken.
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

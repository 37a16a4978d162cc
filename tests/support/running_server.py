"""A server in a thread of the test's own process, on free ports of 127.0.0.1."""

import asyncio
import contextlib
import pathlib
import threading
from collections.abc import Iterator

from keras_bert_cls.server.model_server import Addresses, ModelServer
from keras_bert_cls.server.options import ServerOptions


class RunningServer:
    """Starts a ModelServer; `address` is where it listens for gRPC, `rest_address` for HTTP."""

    def __init__(self, options: ServerOptions):
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        try:
            addresses = self.call(self._start(options))
        except BaseException:
            self._end_loop()
            raise
        self.address, self.rest_address = addresses.grpc, addresses.rest

    async def _start(self, options: ServerOptions) -> Addresses:
        self.server = ModelServer(options)
        return await self.server.start()

    def call(self, coroutine):
        """Runs a coroutine on the server's event loop and returns its result."""
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(60)

    def stop(self) -> None:
        self.call(self.server.stop())
        self._end_loop()

    def _end_loop(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.run_until_complete(self._loop.shutdown_default_executor())
        self._loop.close()


@contextlib.contextmanager
def running_server(
    model_base_path: pathlib.Path | None = None, **settings
) -> Iterator[RunningServer]:
    options = {
        "port": 0,
        "model_name": "tiny",
        "file_system_poll_wait_seconds": 0.02,
        "drain_seconds": 10,
        **settings,
    }
    server = RunningServer(ServerOptions(model_base_path=model_base_path, **options))
    try:
        yield server
    finally:
        server.stop()

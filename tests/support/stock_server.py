"""A stock TensorFlow Serving: the binary that the variable TENSORFLOW_MODEL_SERVER names."""

import contextlib
import os
import pathlib
import socket
import subprocess
import time
from collections.abc import Iterator

import grpc
from server_stubs import Stubs
from tensorflow_serving.apis import get_model_status_pb2

VARIABLE = "TENSORFLOW_MODEL_SERVER"
_SECONDS = 120


class StockServer:
    """Runs the binary; `address` and `rest_address` are those of a RunningServer."""

    def __init__(self, binary: str, arguments: list[str], log: pathlib.Path):
        port, rest_port = _free_ports(2)
        self.address, self.rest_address = f"127.0.0.1:{port}", f"127.0.0.1:{rest_port}"
        self._log = log
        with log.open("wb") as output:
            self._process = subprocess.Popen(
                [binary, f"--port={port}", f"--rest_api_port={rest_port}", *arguments],
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    def wait_for(self, model_name: str) -> None:
        """Waits until a model answers."""
        end = time.monotonic() + _SECONDS
        request = get_model_status_pb2.GetModelStatusRequest()
        request.model_spec.name = model_name
        stubs = Stubs(self.address)
        with stubs.channel:
            while True:
                assert self._process.poll() is None, self._log.read_text(errors="replace")
                assert time.monotonic() < end, f"{model_name} is not available in {_SECONDS} s"
                with contextlib.suppress(grpc.RpcError):
                    answer = stubs.model.GetModelStatus(request, timeout=1, wait_for_ready=True)
                    if any(entry.state == 30 for entry in answer.model_version_status):
                        return

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait(_SECONDS)


def is_named() -> bool:
    """Whether there is a binary to test against."""
    return bool(os.environ.get(VARIABLE))


@contextlib.contextmanager
def stock_server(
    arguments: list[str], log: pathlib.Path, models=("tiny",)
) -> Iterator[StockServer]:
    """Runs the stock server with `arguments` until the block ends."""
    server = StockServer(os.environ[VARIABLE], arguments, log)
    try:
        for model in models:
            server.wait_for(model)
        yield server
    finally:
        server.stop()


def _free_ports(count: int) -> list[int]:
    with contextlib.ExitStack() as stack:
        sockets = [
            stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)
        ]
        return [held.getsockname()[1] for held in sockets]

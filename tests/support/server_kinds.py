"""The two servers that the protocol tests ask: ours and a stock TensorFlow Serving."""

import contextlib
import dataclasses
import pathlib
from collections.abc import Iterator
from typing import Any

from running_server import running_server
from stock_server import is_named, stock_server

KINDS = ("embedded", "stock") if is_named() else ("embedded",)


@dataclasses.dataclass(frozen=True)
class Serving:
    """A server that runs.

    Attributes:
      kind: "embedded" or "stock".
      address, rest_address: "127.0.0.1:port" for gRPC and for HTTP.
    """

    kind: str
    address: str
    rest_address: str


@contextlib.contextmanager
def serving(kind: str, log: pathlib.Path, models=("tiny",), **flags: Any) -> Iterator[Serving]:
    """Runs a server of a kind.

    Args:
      kind: "embedded" or "stock".
      log: a file for the stock server's log.
      models: that must answer before the server is given.
      flags: of both servers, such as model_base_path.
    """
    if kind == "embedded":
        with running_server(rest_api_port=-1, **flags) as server:
            yield Serving(kind, server.address, server.rest_address)
        return
    written = {"model_name": "tiny", "file_system_poll_wait_seconds": 1, **flags}
    arguments = [f"--{name}={_written(value)}" for name, value in written.items()]
    with stock_server(arguments, log, models) as stock:
        yield Serving(kind, stock.address, stock.rest_address)


def _written(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)

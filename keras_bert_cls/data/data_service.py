"""The servers of a tf.data service, which makes batches on other machines."""

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator

import tensorflow as tf
import tensorflow_text  # noqa: F401  A worker runs graphs with its ops.

from keras_bert_cls.errors import UserError

service = tf.data.experimental.service

_LONGEST_SLEEP = 0.2


def serve_dispatcher(port: int, work_dir: str | None, ready: Callable[[str], None]) -> None:
    """Runs a dispatcher until SIGTERM or SIGINT.

    Args:
      port: to listen on; 0 takes a free one.
      work_dir: where it notes what it needs to go on after a restart; None notes nothing.
      ready: is told the address, host:port, when the dispatcher listens.
    """
    config = service.DispatcherConfig(
        port=port, work_dir=work_dir, fault_tolerant_mode=work_dir is not None
    )
    with _port_errors(port):
        server = service.DispatchServer(config)
    _serve(server, lambda: ready(server.target.removeprefix("grpc://")))


def serve_worker(dispatcher: str, host: str, port: int, ready: Callable[[str], None]) -> None:
    """Runs a worker until SIGTERM or SIGINT.

    Args:
      dispatcher: host:port of the dispatcher.
      host: this machine's name or address, as the others reach it.
      port: to listen on; 0 takes a free one.
      ready: is told the dispatcher's address when the worker has registered there.
    """
    config = service.WorkerConfig(
        dispatcher_address=dispatcher.removeprefix("grpc://"),
        worker_address=f"{host}:{port or '%port%'}",
        port=port,
    )
    with _port_errors(port):
        server = service.WorkerServer(config)
    _serve(server, lambda: ready(config.dispatcher_address))


@contextlib.contextmanager
def _port_errors(port: int) -> Iterator[None]:
    try:
        yield
    except (RuntimeError, tf.errors.OpError) as error:
        raise UserError(f"--port {port}: the server cannot start: {error}") from error


def _serve(server: object, ready: Callable[[], None]) -> None:
    """Holds a server, which ends when it is let go, until a signal comes."""
    stopped = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopped.set())
    ready()
    # A signal that another thread receives does not wake this one, which alone runs handlers.
    while not stopped.wait(_LONGEST_SLEEP):
        pass

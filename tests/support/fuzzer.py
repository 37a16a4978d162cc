"""Sends hostile requests to a server, and looks at what comes back."""

import collections
import concurrent.futures
import contextlib
import dataclasses
import random
import re
import socket
from collections.abc import Callable

import grpc
import tiny_models
from hostile_grpc import hostile_call
from hostile_http import hostile_http
from server_requests import predict_request
from server_stubs import Stubs

_SECONDS = 60
_CHECK_EVERY = 50
_BATCH = 500
_WORKERS = 6
_PATIENCE_SECONDS = 0.1  # with a server that may wait for more
_STATUS_LINE = re.compile(rb"HTTP/1\.[01] (\d{3}) ")


@dataclasses.dataclass
class Outcome:
    """What a server answered.

    Attributes:
      codes: how often each gRPC code or HTTP status came; "none" where a connection was closed.
      internal: messages of gRPC's INTERNAL, which a server gives for its own faults.
    """

    codes: collections.Counter = dataclasses.field(default_factory=collections.Counter)
    internal: collections.Counter = dataclasses.field(default_factory=collections.Counter)


def fuzz(
    address: str, rest_address: str, count: int, seed: int, between: Callable[[int], None]
) -> Outcome:
    """Sends `count` hostile requests, good ones in between, which must get right answers.

    Args:
      address: of gRPC.
      rest_address: of HTTP.
      count: how many.
      seed: of the requests: the same one sends the same.
      between: is called with the number of requests sent so far, now and then.
    """
    outcome = Outcome()
    host, _, port = rest_address.rpartition(":")
    stubs = Stubs(address)

    def send(number: int) -> None:
        generator = random.Random(f"{seed} {number}")
        if number % _CHECK_EVERY == 0:
            _check_answer(stubs, generator)
        if generator.randrange(2):
            _send_grpc(stubs.channel, generator, outcome)
        else:
            _send_http((host, int(port)), generator, outcome)

    with stubs.channel, concurrent.futures.ThreadPoolExecutor(_WORKERS) as pool:
        for start in range(0, count, _BATCH):
            list(pool.map(send, range(start, min(count, start + _BATCH))))
            between(start + _BATCH)
    return outcome


def _check_answer(stubs: Stubs, generator: random.Random) -> None:
    text = "好a" * generator.randrange(12)
    answer = stubs.prediction.Predict(predict_request(text=[text]), timeout=_SECONDS)
    expected = max(tiny_models.expected_scores(text))
    assert abs(answer.outputs["score"].float_val[0] - expected) < 1e-5


def _send_grpc(channel: grpc.Channel, generator: random.Random, outcome: Outcome) -> None:
    method, request = hostile_call(generator)
    call = channel.unary_unary(f"/tensorflow.serving.{method}")
    try:
        call(request, timeout=_SECONDS)
    except grpc.RpcError as error:
        outcome.codes[error.code().name] += 1
        if error.code() in (grpc.StatusCode.INTERNAL, grpc.StatusCode.UNKNOWN):
            outcome.internal[error.details()] += 1
    else:
        outcome.codes["OK"] += 1


def _send_http(address: tuple[str, int], generator: random.Random, outcome: Outcome) -> None:
    request, is_whole = hostile_http(generator)
    received = b""
    with (
        socket.create_connection(address, timeout=_SECONDS) as connection,
        contextlib.suppress(ConnectionError),
    ):
        connection.sendall(request)
        connection.settimeout(_SECONDS if is_whole else _PATIENCE_SECONDS)
        with contextlib.suppress(*(() if is_whole else (TimeoutError,))):
            while len(received) < 32 and (piece := connection.recv(4096)):
                received += piece
    status = _STATUS_LINE.match(received)
    outcome.codes[status[1].decode() if status else "none"] += 1

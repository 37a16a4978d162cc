"""The client repeats calls while a server is unavailable, and only then."""

import contextlib
from concurrent import futures

import grpc
import pytest

from keras_bert_cls.client import Client, ServerError
from keras_bert_cls.client.schema import MESSAGES


class FailingModelService(grpc.GenericRpcHandler):
    """Fails `failures` times with `code`, then says that version 1 is available."""

    def __init__(self, failures, code):
        self.calls = 0
        self._failures = failures
        self._code = code

    def service(self, _):
        return grpc.unary_unary_rpc_method_handler(self._answer)

    def _answer(self, _, context):
        self.calls += 1
        if self.calls <= self._failures:
            context.abort(self._code, "not now")
        response = MESSAGES["GetModelStatusResponse"]()
        response.model_version_status.add(version=1, state=30)
        return response.SerializeToString()


@contextlib.contextmanager
def serving(service, port=0):
    server = grpc.server(futures.ThreadPoolExecutor(2), options=[("grpc.so_reuseport", 0)])
    server.add_generic_rpc_handlers((service,))
    bound = server.add_insecure_port(f"127.0.0.1:{port}")
    server.start()
    try:
        yield f"127.0.0.1:{bound}"
    finally:
        server.stop(None).wait()


def test_unavailable_is_retried():
    service = FailingModelService(3, grpc.StatusCode.UNAVAILABLE)
    with serving(service) as address, Client(address, "m", timeout=30) as client:
        assert client.is_ready()
    assert service.calls == 4


@pytest.mark.parametrize(
    "code",
    [
        grpc.StatusCode.INVALID_ARGUMENT,
        grpc.StatusCode.RESOURCE_EXHAUSTED,
        grpc.StatusCode.INTERNAL,
        grpc.StatusCode.NOT_FOUND,
    ],
)
def test_nothing_else_is(code):
    service = FailingModelService(1, code)
    with serving(service) as address, Client(address, "m", timeout=30) as client:
        with pytest.raises(ServerError, match="not now") as caught:
            client.status()
        assert caught.value.code is code
        assert client.status()[0].version == 1
    assert service.calls == 2


def test_it_gives_up_in_the_end():
    service = FailingModelService(1000, grpc.StatusCode.UNAVAILABLE)
    with serving(service) as address, Client(address, "m", timeout=30) as client:
        assert not client.is_ready()
    assert 1 < service.calls < 10


def test_a_restarted_server_is_found_again():
    service = FailingModelService(0, grpc.StatusCode.OK)
    with serving(service) as address:
        client = Client(address, "m", timeout=30)
        assert client.is_ready()
    assert not client.is_ready()
    with serving(service, port=address.rpartition(":")[2]):
        # Each attempt waits for its own retries; the channel reconnects meanwhile.
        assert any(client.is_ready() for _ in range(20))
    client.close()

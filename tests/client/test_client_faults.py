"""What the clients do when a server fails: every fault is really caused."""

import asyncio
import contextlib
import socket
import threading

import grpc
import pytest
import trustme
from fake_serving import FakeServing, fake_serving

from keras_bert_cls.client import AsyncClient, Client, ServerError, Tls
from keras_bert_cls.errors import UserError

KINDS = pytest.mark.parametrize("kind", ["sync", "asyncio"])
UNAVAILABLE = grpc.StatusCode.UNAVAILABLE
EXHAUSTED = grpc.StatusCode.RESOURCE_EXHAUSTED


def ask(kind, address, question, **settings):
    """Returns what `question(client)` returns, of a client of either kind."""
    settings = {"timeout": 30, **settings}
    if kind == "sync":
        with Client(address, "m", **settings) as client:
            return question(client)

    async def answer():
        async with AsyncClient(address, "m", **settings) as client:
            return await question(client)

    return asyncio.run(answer())


def predict(client):
    return client.predict(["a"])


def code_of(kind, address, question=predict, **settings):
    with pytest.raises(ServerError) as caught:
        ask(kind, address, question, **settings)
    return caught.value.code


@KINDS
@pytest.mark.parametrize(
    "failures", [[UNAVAILABLE] * 3, [EXHAUSTED] * 2, [UNAVAILABLE, EXHAUSTED, UNAVAILABLE]]
)
def test_passing_trouble_is_retried(kind, failures):
    service = FakeServing(failures)
    with fake_serving(service) as address:
        assert ask(kind, address, predict)[0].label == "a"
    assert len(service.requests) == len(failures) + 1


@KINDS
def test_large_requests_are_retried_too(kind):
    """gRPC forgets large requests unless it is told to keep them."""
    text = "x" * 2_000_000
    service = FakeServing([UNAVAILABLE])
    with fake_serving(service) as address:
        prediction = ask(kind, address, lambda client: client.predict([text]))[0]
    assert prediction.label == text


@KINDS
@pytest.mark.parametrize(
    "code",
    sorted(set(grpc.StatusCode) - {UNAVAILABLE, EXHAUSTED, grpc.StatusCode.OK}, key=str),
)
def test_nothing_else_is(kind, code):
    service = FakeServing([code])
    with fake_serving(service) as address:
        assert code_of(kind, address) is code
    assert len(service.requests) == 1


@KINDS
def test_it_gives_up_in_the_end(kind):
    service = FakeServing([UNAVAILABLE] * 1000)
    with fake_serving(service) as address:
        assert code_of(kind, address) is UNAVAILABLE
        assert not ask(kind, address, lambda client: client.is_ready())
    assert 2 < len(service.requests) < 20


@KINDS
def test_retries_end_with_the_deadline(kind):
    service = FakeServing([EXHAUSTED] * 1000)
    with fake_serving(service) as address:
        # Its own status, or that of the time being up: whichever comes first.
        assert code_of(kind, address, timeout=0.3) in (
            EXHAUSTED,
            grpc.StatusCode.DEADLINE_EXCEEDED,
        )
    assert len(service.requests) < 5


@KINDS
def test_nobody_listens(kind):
    with socket.create_server(("127.0.0.1", 0)) as held:
        address = f"127.0.0.1:{held.getsockname()[1]}"
    with pytest.raises(ServerError, match="Is the server running") as caught:
        ask(kind, address, predict)
    assert caught.value.code is UNAVAILABLE
    assert f"Predict on {address}" in str(caught.value)


@KINDS
def test_nobody_listens_and_the_time_is_up_before_the_retries(kind):
    with socket.create_server(("127.0.0.1", 0)) as held:
        address = f"127.0.0.1:{held.getsockname()[1]}"
    with pytest.raises(ServerError, match="Nothing answers there") as caught:
        ask(kind, address, predict, timeout=0.05)
    assert caught.value.code is grpc.StatusCode.DEADLINE_EXCEEDED
    assert "longer timeout" not in str(caught.value)


@KINDS
def test_a_server_that_never_answers(kind):
    service = FakeServing()
    service.may_answer.clear()
    with fake_serving(service) as address:
        with pytest.raises(ServerError, match="longer timeout") as caught:
            ask(kind, address, predict, timeout=0.2)
        service.may_answer.set()
    assert caught.value.code is grpc.StatusCode.DEADLINE_EXCEEDED


@KINDS
def test_the_time_for_a_list_holds_for_its_requests_together(kind):
    service = FakeServing()
    service.may_answer.clear()
    with fake_serving(service) as address:
        question = lambda client: client.predict(["a", "b", "c"], timeout=0.2)  # noqa: E731
        code = code_of(kind, address, question, batch_size=1, parallel_requests=1)
        service.may_answer.set()
    assert code is grpc.StatusCode.DEADLINE_EXCEEDED
    assert len(service.requests) == 1


@KINDS
def test_a_connection_that_breaks_in_the_middle_of_a_request(kind):
    service = FakeServing()
    service.may_answer.clear()
    with fake_serving(service) as address, breaking_proxy(address, service) as proxied:
        assert ask(kind, proxied, predict)[0].label == "a"
    assert len(service.requests) == 2


@KINDS
def test_a_server_that_stops_in_the_middle_of_a_request(kind):
    service = FakeServing()
    service.may_answer.clear()
    with contextlib.ExitStack() as running:
        address = running.enter_context(fake_serving(service))

        def stop():
            service.arrived.wait()
            running.close()

        thread = threading.Thread(target=stop)
        thread.start()
        code = code_of(kind, address)
        thread.join()
    assert code in (UNAVAILABLE, grpc.StatusCode.CANCELLED)


@contextlib.contextmanager
def breaking_proxy(address, service):
    """Gives an address whose first connection breaks once `service` has a request from it."""
    host, _, port = address.rpartition(":")

    def pump(source, sink):
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                sink.sendall(data)

    def accept():
        with contextlib.suppress(OSError):
            while True:
                near, _ = listener.accept()
                far = socket.create_connection((host, int(port)))
                sockets.extend((near, far))
                for pair in ((near, far), (far, near)):
                    threads.append(threading.Thread(target=pump, args=pair))
                    threads[-1].start()
                if len(sockets) == 2:
                    service.arrived.wait()
                    close()
                    service.may_answer.set()

    def close():
        for one in sockets:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)

    sockets, threads = [], []
    with socket.create_server(("127.0.0.1", 0)) as listener:
        threads.append(threading.Thread(target=accept))
        threads[0].start()
        yield f"127.0.0.1:{listener.getsockname()[1]}"
        listener.shutdown(socket.SHUT_RDWR)
        close()
        for thread in threads:
            thread.join()
        for one in sockets:
            one.close()


def test_a_restarted_server_is_found_again():
    service = FakeServing()
    with fake_serving(service) as address:
        client = Client(address, "m", timeout=30)
        assert client.is_ready()
    assert not client.is_ready()
    with fake_serving(service, port=int(address.rpartition(":")[2])):
        # Each attempt waits for its own retries; the channel reconnects meanwhile.
        assert any(client.is_ready() for _ in range(20))
    client.close()


def test_one_failed_request_ends_the_list():
    service = FakeServing([grpc.StatusCode.INVALID_ARGUMENT])
    with (
        fake_serving(service) as address,
        Client(address, "m", batch_size=1, parallel_requests=2) as client,
        pytest.raises(ServerError, match="not now"),
    ):
        client.predict(["a"] * 100)
    assert len(service.requests) < 100


def test_a_cancelled_coroutine_cancels_its_requests():
    service = FakeServing()
    service.may_answer.clear()

    async def cancel(address):
        async with AsyncClient(address, "m", timeout=30, batch_size=1) as client:
            task = asyncio.create_task(client.predict(["a", "b"]))
            await asyncio.to_thread(service.arrived.wait)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            service.may_answer.set()
            return await client.predict(["c"])

    with fake_serving(service) as address:
        assert asyncio.run(cancel(address))[0].label == "c"


@pytest.fixture(scope="module")
def authority():
    return trustme.CA()


def pem(folder, name, content):
    path = folder / f"{name}.pem"
    path.write_bytes(content.bytes())
    return path


@pytest.fixture
def trust(authority, tmp_path):
    return pem(tmp_path, "root", authority.cert_pem)


def identity(authority, name):
    issued = authority.issue_cert(name)
    return issued.private_key_pem.bytes(), issued.cert_chain_pems[0].bytes()


@KINDS
def test_tls(kind, authority, trust):
    credentials = grpc.ssl_server_credentials([identity(authority, "127.0.0.1")])
    with fake_serving(FakeServing(), credentials=credentials) as address:
        assert ask(kind, address, predict, tls=Tls(trust))[0].label == "a"
        assert code_of(kind, address) is UNAVAILABLE  # in the clear


@KINDS
@pytest.mark.parametrize("fault", ["other authority", "other host"])
def test_a_wrong_certificate(kind, fault, authority, trust):
    signer = trustme.CA() if fault == "other authority" else authority
    name = "elsewhere.example" if fault == "other host" else "127.0.0.1"
    service = FakeServing()
    credentials = grpc.ssl_server_credentials([identity(signer, name)])
    with fake_serving(service, credentials=credentials) as address:
        assert code_of(kind, address, tls=Tls(trust)) is UNAVAILABLE
    assert service.requests == []


@KINDS
def test_mutual_tls(kind, authority, trust, tmp_path):
    credentials = grpc.ssl_server_credentials(
        [identity(authority, "127.0.0.1")], authority.cert_pem.bytes(), require_client_auth=True
    )
    issued = authority.issue_cert("client.example")
    certificate = pem(tmp_path, "certificate", issued.cert_chain_pems[0])
    key = pem(tmp_path, "key", issued.private_key_pem)
    with fake_serving(FakeServing(), credentials=credentials) as address:
        assert ask(kind, address, predict, tls=Tls(trust, certificate, key))[0].label == "a"
        assert code_of(kind, address, tls=Tls(trust)) is UNAVAILABLE


@KINDS
def test_bearer_token(kind):
    service = FakeServing()
    with fake_serving(service) as address:
        ask(kind, address, predict)
        assert "authorization" not in service.metadata
        ask(kind, address, predict, bearer_token="0123456789abcdef")
    assert service.metadata["authorization"] == "Bearer 0123456789abcdef"


def test_wrong_tls_files(tmp_path):
    junk = tmp_path / "junk.pem"
    junk.write_text("no certificate")
    for tls, message in (
        (Tls(tmp_path / "absent.pem"), "root_certificates of the TLS connection cannot be read"),
        (Tls(junk), "expected a file in PEM format"),
        (Tls(certificate=junk), "expected both certificate and key"),
    ):
        with pytest.raises(UserError, match=message):
            Client("127.0.0.1:1", "m", tls=tls)


@pytest.mark.parametrize("token", ["", "a\nb", "ключ"])
def test_wrong_tokens(token):
    with pytest.raises(UserError, match="expected bearer_token to be printable ASCII"):
        Client("127.0.0.1:1", "m", bearer_token=token)

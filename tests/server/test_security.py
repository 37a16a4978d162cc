"""TLS, mutual TLS and the bearer token, over gRPC and over HTTP."""

import json
import ssl
import urllib.error
import urllib.request

import grpc
import pytest
from certificates import Authority
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc
from running_server import running_server
from server_requests import SECONDS, predict_request, refusal
from server_stubs import Stubs

from keras_bert_cls.errors import UserError
from keras_bert_cls.server.security import BearerToken, TlsIdentity

TOKEN = "a-secret-of-24-characters"
UNAUTHENTICATED = grpc.StatusCode.UNAUTHENTICATED


@pytest.fixture(scope="module")
def authority():
    return Authority("tests")


@pytest.fixture(scope="module")
def base(tmp_path_factory, classifier_folder):
    folder = tmp_path_factory.mktemp("base")
    (folder / "1").symlink_to(classifier_folder)
    return folder


def ssl_config(folder, server, **more):
    fields = {"server_key": server.key, "server_cert": server.certificate, **more}
    lines = [
        f"{name}: {str(value).lower() if isinstance(value, bool) else json.dumps(value)}"
        for name, value in fields.items()
    ]
    path = folder / "ssl.config"
    path.write_text("\n".join(lines))
    return path


def secure_stubs(address, root, client=None):
    credentials = grpc.ssl_channel_credentials(
        root.certificate.encode(),
        client.key.encode() if client else None,
        client.certificate.encode() if client else None,
    )
    return Stubs(address, credentials)


def https_status(address, root, folder, client=None):
    """Returns the status of a GET of the model over HTTPS."""
    context = ssl.create_default_context(cadata=root.certificate)
    if client:
        file = folder / "client.pem"
        file.write_text(client.key + client.certificate)
        context.load_cert_chain(file)
    with urllib.request.urlopen(
        f"https://{address}/v1/models/tiny", timeout=SECONDS, context=context
    ) as answer:
        return answer.status


def test_tls(base, tmp_path, authority):
    path = ssl_config(tmp_path, authority.sign("server"))
    with running_server(base, ssl_config_file=path, rest_api_port=-1) as server:
        stubs = secure_stubs(server.address, authority)
        with stubs.channel:
            stubs.prediction.Predict(predict_request(text=["a"]), timeout=SECONDS)
        plain = Stubs(server.address)
        with plain.channel:
            code, _ = refusal(plain.prediction.Predict, predict_request(text=["a"]))
            assert code == grpc.StatusCode.UNAVAILABLE
        assert https_status(server.rest_address, authority, tmp_path) == 200
        with pytest.raises(urllib.error.URLError):
            https_status(server.rest_address, Authority("stranger"), tmp_path)


def test_mutual_tls(base, tmp_path, authority):
    path = ssl_config(
        tmp_path, authority.sign("server"), custom_ca=authority.certificate, client_verify=True
    )
    friend, stranger = authority.sign("friend"), Authority("strangers").sign("stranger")
    with running_server(base, ssl_config_file=path, rest_api_port=-1) as server:
        stubs = secure_stubs(server.address, authority, friend)
        with stubs.channel:
            stubs.prediction.Predict(predict_request(text=["a"]), timeout=SECONDS)
        for client in (None, stranger):
            refused = secure_stubs(server.address, authority, client)
            with refused.channel:
                code, _ = refusal(refused.prediction.Predict, predict_request(text=["a"]))
                assert code == grpc.StatusCode.UNAVAILABLE
            with pytest.raises((urllib.error.URLError, ConnectionError)):
                https_status(server.rest_address, authority, tmp_path, client)
        assert https_status(server.rest_address, authority, tmp_path, friend) == 200


@pytest.mark.parametrize(
    "text", ["server_key: 'no key' server_cert: 'no certificate'", "", "key: 'x'"]
)
def test_wrong_ssl_configs(tmp_path, text):
    path = tmp_path / "ssl.config"
    path.write_text(text)
    with pytest.raises(UserError, match=r"ssl\.config"):
        TlsIdentity.from_ssl_config(path)


def test_a_key_of_another_certificate(tmp_path, authority):
    one, other = authority.sign("one"), authority.sign("other")
    path = ssl_config(tmp_path, one, server_cert=other.certificate)
    with pytest.raises(UserError, match="belong"):
        TlsIdentity.from_ssl_config(path)


@pytest.fixture(scope="module")
def guarded(tmp_path_factory, base):
    file = tmp_path_factory.mktemp("token") / "token"
    file.write_text(f"{TOKEN}\n")
    with running_server(base, bearer_token_file=file, rest_api_port=-1) as server:
        yield server


@pytest.fixture
def guarded_stubs(guarded):
    stubs = Stubs(guarded.address)
    with stubs.channel:
        yield stubs


def test_the_right_token(guarded_stubs):
    metadata = [("authorization", f"Bearer {TOKEN}")]
    request = predict_request(text=["a"])
    guarded_stubs.prediction.Predict(request, timeout=SECONDS, metadata=metadata)


@pytest.mark.parametrize("value", [None, "", TOKEN, f"Bearer {TOKEN}x", f"Basic {TOKEN}"])
def test_wrong_tokens(guarded_stubs, value):
    metadata = [] if value is None else [("authorization", value)]

    def predict(request, timeout):
        return guarded_stubs.prediction.Predict(request, timeout=timeout, metadata=metadata)

    code, message = refusal(predict, predict_request(text=["a"]))
    assert code == UNAUTHENTICATED
    assert message == "The request's authorization is missing or wrong"


def test_reflection_wants_the_token(guarded_stubs):
    reflection = reflection_pb2_grpc.ServerReflectionStub(guarded_stubs.channel)
    requests = iter([reflection_pb2.ServerReflectionRequest(list_services="")])
    with pytest.raises(grpc.RpcError) as caught:
        list(reflection.ServerReflectionInfo(requests, timeout=SECONDS))
    assert caught.value.code() == UNAUTHENTICATED


def test_health_wants_no_token(guarded_stubs):
    health = health_pb2_grpc.HealthStub(guarded_stubs.channel)
    answer = health.Check(health_pb2.HealthCheckRequest(service="tiny"), timeout=SECONDS)
    assert answer.status == health_pb2.HealthCheckResponse.SERVING


@pytest.mark.parametrize("path", ["/v1/models/tiny", "/x", "/monitoring/prometheus/metrics"])
def test_http_wants_the_token(guarded, path):
    url = f"http://{guarded.rest_address}{path}"
    for value in ("", f"Bearer {TOKEN}x", "Bearer"):
        asked = urllib.request.Request(url, headers={"Authorization": value})
        with pytest.raises(urllib.error.HTTPError) as caught:
            urllib.request.urlopen(asked, timeout=SECONDS)
        with caught.value as answer:
            assert answer.code == 401
            assert answer.headers["WWW-Authenticate"] == "Bearer"
            assert "error" in json.loads(answer.read())


def test_pages_want_no_token(guarded):
    with urllib.request.urlopen(f"http://{guarded.rest_address}/", timeout=SECONDS) as answer:
        assert answer.status == 200


def test_http_with_the_token(guarded):
    asked = urllib.request.Request(
        f"http://{guarded.rest_address}/v1/models/tiny",
        headers={"Authorization": f"Bearer {TOKEN}"},
    )
    with urllib.request.urlopen(asked, timeout=SECONDS) as answer:
        assert answer.status == 200


def test_a_short_token_is_no_token(tmp_path):
    (tmp_path / "token").write_text("short\n")
    with pytest.raises(UserError, match="at least 16 bytes, got 5"):
        BearerToken.from_file(tmp_path / "token")
    with pytest.raises(UserError, match="cannot be read"):
        BearerToken.from_file(tmp_path / "none")

"""HTTP itself: connections, bodies, limits, pages, and the metrics page."""

import concurrent.futures
import contextlib
import gzip
import http.client
import json
import socket
import time

import pytest
import tiny_models
from prometheus_client.parser import text_string_to_metric_families
from running_server import running_server
from server_requests import SECONDS, predict_request
from server_stubs import Stubs

METRICS = "/monitoring/prometheus/metrics"


@pytest.fixture(scope="module")
def base(tmp_path_factory, classifier_folder):
    folder = tmp_path_factory.mktemp("base")
    (folder / "1").symlink_to(classifier_folder)
    return folder


@pytest.fixture(scope="module")
def rest(base, tmp_path_factory):
    monitoring = tmp_path_factory.mktemp("monitoring") / "monitoring.config"
    monitoring.write_text("prometheus_config { enable: true }")
    settings = {"monitoring_config_file": monitoring, "max_message_bytes": 100_000}
    with running_server(base, rest_api_port=-1, **settings) as server:
        yield server


def connection(server):
    return http.client.HTTPConnection(server.rest_address, timeout=SECONDS)


def ask(connected, method, path, body=None, headers=()):
    headers = dict(headers)
    is_chunked = "Transfer-Encoding" in headers
    connected.request(method, path, body, headers, encode_chunked=is_chunked)
    answer = connected.getresponse()
    return answer.status, answer.read(), answer


def predict(connected, texts):
    body = json.dumps({"instances": texts}).encode()
    return ask(connected, "POST", "/v1/models/tiny:predict", body)


def once(server, *request):
    with contextlib.closing(connection(server)) as connected:
        return ask(connected, *request)


def predict_once(server, texts):
    with contextlib.closing(connection(server)) as connected:
        return predict(connected, texts)


def test_a_connection_serves_many_requests(rest):
    connected = connection(rest)
    connected.connect()
    first = connected.sock
    for number in range(20):
        status, body, answer = predict(connected, ["x" * number])
        assert status == 200
        assert answer.headers["Content-Type"] == "application/json"
        assert answer.headers["Server"] == "bertcls-serve"
        row = json.loads(body)["predictions"][0]
        scores = tiny_models.expected_scores("x" * number)
        assert row["probabilities"] == pytest.approx(scores, rel=1e-5, abs=1e-7)
        assert connected.sock is first
    connected.close()


def test_thirty_two_clients_over_http_and_grpc_at_once(rest):
    def ask_http(number):
        connected = connection(rest)
        texts = [["x" * ((number + n) % 30)] for n in range(20)]
        answers = [predict(connected, text) for text in texts]
        connected.close()
        assert all(status == 200 for status, _, _ in answers)
        return [json.loads(body)["predictions"][0]["score"] for _, body, _ in answers], texts

    def ask_grpc(number):
        stubs = Stubs(rest.address)
        with stubs.channel:
            texts = [["x" * ((number + n) % 30)] for n in range(20)]
            answers = [
                stubs.prediction.Predict(predict_request(text=text), timeout=SECONDS)
                for text in texts
            ]
        return [answer.outputs["score"].float_val[0] for answer in answers], texts

    with concurrent.futures.ThreadPoolExecutor(40) as pool:
        running = [pool.submit(ask_http, n) for n in range(32)]
        running += [pool.submit(ask_grpc, n) for n in range(8)]
        for task in running:
            scores, texts = task.result()
            expected = [max(tiny_models.expected_scores(text)) for (text,) in texts]
            assert scores == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("encoding", ["gzip", "x-gzip"])
def test_packed_bodies(rest, encoding):
    body = gzip.compress(b'{"instances": ["a"]}')
    headers = {"Content-Encoding": encoding}
    status, _, _ = once(rest, "POST", "/v1/models/tiny:predict", body, headers)
    assert status == 200


@pytest.mark.parametrize(
    ("body", "status", "error"),
    [
        (b"no gzip", 400, "JSON Parse error: The document is empty"),
        (gzip.compress(b"{}")[:-9], 400, "JSON Parse error: The document is empty"),
        (gzip.compress(b" " * 200_000), 413, "The body is larger than 100000 bytes"),
    ],
    ids=["no_gzip", "cut", "too_large"],
)
def test_bad_packed_bodies(rest, body, status, error):
    headers = {"Content-Encoding": "gzip"}
    answered = once(rest, "POST", "/v1/models/tiny:predict", body, headers)
    assert answered[0] == status
    assert json.loads(answered[1]) == {"error": error}


def test_too_large_bodies(rest):
    status, body, _ = predict_once(rest, ["x" * 200_000])
    assert status == 413
    assert json.loads(body) == {"error": "The body is larger than 100000 bytes"}
    assert predict_once(rest, ["x"])[0] == 200


def test_large_bodies_are_read_aside(rest):
    texts = ["好" * 100] * 150  # more than 64 KiB
    status, body, _ = predict_once(rest, texts)
    assert status == 200
    assert len(json.loads(body)["predictions"]) == 150


def test_large_answers_are_written_aside(base):
    rows = [[n, n] for n in range(20_000)]
    body = json.dumps({"signature_name": "tokens", "instances": rows})
    with running_server(base, rest_api_port=-1, max_batch_size=len(rows)) as server:
        status, answer, _ = once(server, "POST", "/v1/models/tiny:predict", body)
    assert status == 200
    assert json.loads(answer)["predictions"] == [2 * n for n in range(20_000)]


def test_an_ipv6_address(base):
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        pytest.skip("this machine has no IPv6")
    with running_server(base, rest_api_port=-1, host="::1") as server:
        assert server.address.startswith("[::1]:")
        stubs = Stubs(server.address)
        with stubs.channel:
            stubs.prediction.Predict(predict_request(text=["a"]), timeout=SECONDS)
        assert predict_once(server, ["a"])[0] == 200


def test_chunked_bodies(rest):
    chunks = iter([b'{"instances"', b': ["a"]}'])
    headers = {"Transfer-Encoding": "chunked"}
    status, _, _ = once(rest, "POST", "/v1/models/tiny:predict", chunks, headers)
    assert status == 200


def received_by_a_slow_client(server, beginning):
    """Sends `beginning`, then a byte now and then; returns what came until the server hung up."""
    host, _, port = server.rest_address.partition(":")
    received = b""
    with socket.create_connection((host, int(port)), timeout=0.01) as connected:
        connected.sendall(beginning)
        # Past the limit of a header the server would hang up too, but with an answer.
        for _ in range(9000):
            try:
                if not (part := connected.recv(4096)):
                    return received
                received += part
            except TimeoutError:
                with contextlib.suppress(BrokenPipeError):
                    connected.send(b"x")
            except ConnectionResetError:
                return received
    raise AssertionError(f"the connection is still open after {received!r}")


GET_STATUS = b"GET /v1/models/tiny HTTP/1.1\r\nHost: x\r\n"


@pytest.mark.parametrize(
    ("beginning", "answers"), [(b"", 0), (GET_STATUS, 0), (GET_STATUS + b"\r\n" + GET_STATUS, 1)]
)
def test_heads_that_never_end_are_cut_off(base, beginning, answers):
    with running_server(base, rest_api_port=-1, rest_api_idle_seconds=0.2) as server:
        received = received_by_a_slow_client(server, beginning)
    assert received.count(b"HTTP/1.1 200 ") == received.count(b"HTTP/1.1 ") == answers


@pytest.mark.parametrize("path", [b"/v1/models/tiny:predict", b"/elsewhere"])
def test_bodies_that_never_end_are_cut_off(base, path):
    head = b"POST %s HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n"
    with running_server(base, rest_api_port=-1, rest_api_timeout_in_ms=100) as server:
        received = received_by_a_slow_client(server, head % path + b"{")
    if path == b"/elsewhere":
        assert received.startswith(b"HTTP/1.1 404 ")
    else:
        assert received.startswith(b"HTTP/1.1 504 ")
        assert b'{"error": "Deadline Exceeded"}' in received


def test_a_slow_answer_times_out(base):
    with running_server(base, rest_api_port=-1, rest_api_timeout_in_ms=50) as server:
        body = b'{"signature_name": "slow", "instances": ["0.4"]}'
        status, answer, _ = once(server, "POST", "/v1/models/tiny:predict", body)
    assert (status, json.loads(answer)) == (504, {"error": "Deadline Exceeded"})


def test_stopping_answers_what_is_under_way(base):
    with running_server(base, rest_api_port=-1, num_batch_threads=1) as server:
        connected = connection(server)
        body = b'{"signature_name": "slow", "instances": ["0.4"]}'
        connected.request("POST", "/v1/models/tiny:predict", body)
        while server.server._batcher._idle_workers:  # until it runs
            time.sleep(0.001)
    with contextlib.closing(connected):
        answer = connected.getresponse()
        assert (answer.status, json.loads(answer.read())) == (200, {"predictions": [0.4]})


def test_a_client_that_leaves_makes_room(base):
    settings = {"num_batch_threads": 1, "max_batch_size": 1, "max_enqueued_batches": 1}
    slow = b'{"signature_name": "slow", "instances": ["0.3"]}'
    path = "/v1/models/tiny:predict"
    with running_server(base, rest_api_port=-1, **settings) as server:
        running, waiting = connection(server), connection(server)
        running.request("POST", path, slow)
        while server.server._batcher._idle_workers:
            time.sleep(0.001)
        waiting.request("POST", path, slow)
        while not server.server._batcher.queued_rows:
            time.sleep(0.001)
        assert predict_once(server, ["a"])[0] == 429
        waiting.close()
        while server.server._batcher.queued_rows:
            time.sleep(0.001)
        assert predict_once(server, ["a"])[0] == 200
        with contextlib.closing(running):
            assert running.getresponse().status == 200


def test_pages_of_other_sites(base):
    with running_server(base, rest_api_port=-1, rest_api_enable_cors_support=True) as server:
        _, _, answer = once(server, "OPTIONS", "/v1/models/tiny:predict")
        assert answer.status == 200
        assert answer.headers["Access-Control-Allow-Methods"] == "POST, GET"
        _, _, answer = predict_once(server, ["a"])
        assert answer.headers["Access-Control-Allow-Origin"] == "*"


def test_no_other_site_by_default(rest):
    status, _, answer = once(rest, "OPTIONS", "/v1/models/tiny:predict")
    assert status == 400
    assert "Access-Control-Allow-Origin" not in answer.headers


def test_the_first_page(rest):
    status, body, answer = once(rest, "GET", "/")
    assert status == 200
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert b'<option value="tiny">' in body


def test_no_page_where_none_is_wanted(base):
    with running_server(base, rest_api_port=-1, ui=False) as server:
        status, body, _ = once(server, "GET", "/")
        assert (status, json.loads(body)) == (404, {"error": "Not Found"})
        assert predict_once(server, ["a"])[0] == 200


@pytest.mark.parametrize(
    "path", ["/x", "/../../etc/passwd", "/%2e%2e/etc/passwd", "/v2/models/tiny", "/v1"]
)
def test_other_paths_show_nothing(rest, path):
    status, body, _ = once(rest, "GET", path)
    assert (status, json.loads(body)) == (404, {"error": "Not Found"})


def test_encoded_names(rest):
    status, body, _ = once(rest, "GET", "/V1/MODELS/t%69ny")
    assert status == 200
    status, body, _ = once(rest, "GET", "/v1/models/a%2Fb%00%ff")
    assert status == 404
    assert json.loads(body)["error"] == "Could not find any versions of model a/b\x00\ufffd"


def metrics(server):
    """Returns (name, labels) -> value of the metrics page."""
    status, body, answer = once(server, "GET", METRICS)
    assert status == 200
    assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(body.decode())
        for sample in family.samples
    }


def count(found, name, **labels):
    return found.get((name, tuple(sorted(labels.items()))), 0)


def test_metrics(rest):
    before = metrics(rest)
    predict_once(rest, ["a", "b"])
    once(rest, "POST", "/v1/models/tiny:predict", b"{")
    once(rest, "POST", "/v1/models/invented:predict", b'{"instances": ["a"]}')
    body = b'{"signature_name": "classify", "examples": [{"text": "a"}, {"text": "b"}]}'
    once(rest, "POST", "/v1/models/tiny:classify", body)
    after = metrics(rest)

    def grown(name, **labels):
        return count(after, name, **labels) - count(before, name, **labels)

    requests = ":tensorflow:serving:request_count"
    assert grown(requests, model_name="tiny", status="OK") == 2
    assert grown(requests, model_name="tiny", status="INVALID_ARGUMENT") == 1
    assert grown(requests, model_name="unknown", status="NOT_FOUND") == 1
    assert not any("invented" in str(labels) for _, labels in after)
    latency = {"model_name": "tiny", "API": "Predict", "entrypoint": "REST"}
    assert grown(":tensorflow:serving:request_latency_count", **latency) == 1
    assert grown(":tensorflow:serving:request_latency_sum", **latency) > 0
    assert grown(":tensorflow:serving:request_example_count_total", model="tiny") == 2
    assert grown(":tensorflow:core:graph_runs") == 2
    assert grown("bertcls_batch_rows_sum", model_name="tiny") == 4
    assert grown("bertcls_queue_seconds_count", model_name="tiny") == 2
    assert grown("bertcls_compute_seconds_count", model_name="tiny") == 2
    assert count(after, "bertcls_queued_rows") == 0


def test_metrics_of_grpc(rest):
    labels = {"model_name": "tiny", "API": "Predict", "entrypoint": "GRPC"}
    before = metrics(rest)
    stubs = Stubs(rest.address)
    with stubs.channel:
        stubs.prediction.Predict(predict_request(text=["a"]), timeout=SECONDS)
    name = ":tensorflow:serving:request_latency_count"
    assert count(metrics(rest), name, **labels) == count(before, name, **labels) + 1


@pytest.mark.parametrize(
    ("text", "path", "status"),
    [
        ("prometheus_config { enable: true path: '/metrics' }", "/metrics", 200),
        ("prometheus_config { enable: true path: '/metrics' }", METRICS, 404),
        ("prometheus_config { enable: false }", METRICS, 404),
        ("", METRICS, 404),
    ],
)
def test_where_metrics_are(base, tmp_path, text, path, status):
    (tmp_path / "monitoring.config").write_text(text)
    settings = {"monitoring_config_file": tmp_path / "monitoring.config"}
    with running_server(base, rest_api_port=-1, **settings) as server:
        assert once(server, "GET", path)[0] == status

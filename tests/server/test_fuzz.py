"""Hostile requests: the server stays up, answers others rightly, and does not grow."""

import pathlib
import re
import subprocess
import sys

import pytest
import tiny_models
from fuzzer import fuzz
from running_server import running_server

SECONDS = 120
# What a client may be told. UNKNOWN would be an exception that nobody caught, 500 likewise.
GRPC_CODES = {
    "OK",
    "INVALID_ARGUMENT",
    "NOT_FOUND",
    "FAILED_PRECONDITION",
    "PERMISSION_DENIED",
    "UNIMPLEMENTED",
    "INTERNAL",
}
HTTP_STATUSES = {"200", "400", "404", "405", "413", "431", "501", "none"}
ALLOWED_GROWTH = 48 << 20  # bytes of resident memory, after the first fifth of the requests


def assert_tame(outcome):
    assert set(outcome.codes) <= GRPC_CODES | HTTP_STATUSES, outcome.codes
    assert set(outcome.internal) <= {"The request cannot be parsed."}
    assert outcome.codes["OK"] > 0
    assert outcome.codes["200"] > 0


def test_some_hostile_requests(tmp_path, classifier_folder, caplog):
    (tmp_path / "1").symlink_to(classifier_folder)
    with running_server(tmp_path, rest_api_port=-1, max_batch_size=64) as server:
        outcome = fuzz(server.address, server.rest_address, 500, seed=1, between=lambda _: None)
    assert_tame(outcome)
    assert "failed unexpectedly" not in caplog.text


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_many_hostile_requests_leave_memory_flat(tmp_path):
    tiny_models.write_classifier(tmp_path / "base" / "1")
    monitoring = tmp_path / "monitoring.config"
    monitoring.write_text("prometheus_config { enable: true }")
    log = tmp_path / "log"
    command = [
        *(sys.executable, "-m", "keras_bert_cls.cli.serve"),
        *("--model_name=tiny", f"--model_base_path={tmp_path / 'base'}", "--port=0"),
        *("--rest_api_port=-1", f"--monitoring_config_file={monitoring}"),
    ]
    count = 50_000
    sizes = []
    with (
        log.open("w") as errors,
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True) as process,
    ):
        addresses = [process.stdout.readline().split()[-1] for _ in range(2)]

        def measure(sent):
            assert process.poll() is None
            if sent >= count // 5:
                sizes.append(resident_bytes(process.pid))

        outcome = fuzz(*addresses, count, seed=2, between=measure)
        process.terminate()
        assert process.wait(SECONDS) == 0
    assert_tame(outcome)
    assert "failed unexpectedly" not in log.read_text()
    growth = max(sizes[-5:]) - max(sizes[:5])
    assert growth < ALLOWED_GROWTH, [size >> 20 for size in sizes]


def resident_bytes(process_id):
    status = pathlib.Path(f"/proc/{process_id}/status").read_text()
    return int(re.search(r"VmRSS:\s+(\d+) kB", status)[1]) * 1024

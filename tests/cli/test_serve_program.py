"""bertcls-serve as a process."""

import json
import os
import pathlib
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request

import grpc
import pytest
import tiny_models

from keras_bert_cls.cli import serve
from keras_bert_cls.client import Client
from keras_bert_cls.client.schema import MESSAGES

SECONDS = 120


@pytest.fixture(scope="module")
def model_base(tmp_path_factory):
    base = tmp_path_factory.mktemp("base")
    tiny_models.write_classifier(base / "1")
    return base


class Process:
    """The program as a user starts it; `address` is what it printed."""

    def __init__(self, *arguments):
        self.popen = subprocess.Popen(
            [sys.executable, "-m", "keras_bert_cls.cli.serve", *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.first_line = self.popen.stdout.readline()
        self.address = self.first_line.removeprefix("listening on ").strip()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.popen.poll() is None:
            self.popen.kill()
        self.popen.communicate(timeout=SECONDS)


def started(model_base, *more):
    return Process("--model_name=tiny", f"--model_base_path={model_base}", "--port=0", *more)


def slow_call(channel, seconds):
    """Returns the future of a call that takes a while, once the server has it."""
    request = MESSAGES["PredictRequest"]()
    request.model_spec.name = "tiny"
    request.model_spec.signature_name = "slow"
    tensor = request.inputs["seconds"]
    tensor.dtype = 7
    tensor.tensor_shape.dim.add(size=1)
    tensor.string_val.append(str(seconds).encode())
    service = "/tensorflow.serving.PredictionService"
    call = channel.unary_unary(f"{service}/Predict").future(
        request.SerializeToString(), timeout=SECONDS
    )
    # What is asked later on the same connection is answered only after the first has arrived.
    metadata = MESSAGES["GetModelMetadataRequest"](metadata_field=["signature_def"])
    metadata.model_spec.name = "tiny"
    channel.unary_unary(f"{service}/GetModelMetadata")(
        metadata.SerializeToString(), timeout=SECONDS
    )
    return call


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_serves_until_told_to_stop_and_drains(model_base, number):
    with started(model_base) as process:
        host, _, port = process.address.rpartition(":")
        assert host == "127.0.0.1"
        assert int(port) > 0
        with Client(process.address, "tiny") as client:
            assert client.predict(["abc"])[0].label == "short"
        with grpc.insecure_channel(process.address) as channel:
            # More than there are workers: some of these wait in the queue when the signal comes.
            calls = [slow_call(channel, seconds=0.2) for _ in range(12)]
            process.popen.send_signal(number)
            for call in calls:
                response = MESSAGES["PredictResponse"].FromString(call.result())
                assert list(response.outputs["seconds"].double_val) == [0.2]
        assert process.popen.wait(SECONDS) == 0
        assert process.popen.stdout.read() == ""
        assert "Traceback" not in process.popen.stderr.read()
    with Client(process.address, "tiny", timeout=5) as client:
        assert not client.is_ready()


def outcome(capfd, *arguments):
    """Runs the program in this process; returns exit code, stdout and stderr."""
    serve.program.flags.unparse_flags()
    code = serve.main(list(arguments))
    captured = capfd.readouterr()
    return code, captured.out, captured.err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "--model_base_path"),
        (["--model_base_path=m", "--rest_api_port=-2"], "--rest_api_port"),
        (["--model_base_path=m", "--use_alts_credentials"], "use --ssl_config_file"),
        (["--model_base_path=m", "--platform_config_file=f"], "bertcls-serve has not"),
        (["--model_base_path=m", "--noenable_grpc_healthcheck_service"], "always answered"),
        (["--model_base_path=m", "--grpc_channel_arguments=a"], "expected pairs NAME=VALUE"),
        (
            [
                "--model_base_path=m",
                "--tensorflow_session_parallelism=2",
                "--tensorflow_inter_op_parallelism=2",
            ],
            "not all",
        ),
        (["--model_base_path=m", "--port=70000"], "--port"),
        (["--model_base_path=m", "--max_batch_size=0"], "--max_batch_size"),
        (["--model_base_path=m", "--rest_api_idle_seconds=0"], "--rest_api_idle_seconds"),
        (["--model_base_path=m", "--modelname=x"], "Did you mean 'model_name'?"),
        (["--model_base_path=m", "more"], "unexpected argument 'more'"),
    ],
)
def test_wrong_command_lines(capfd, arguments, message):
    code, out, err = outcome(capfd, *arguments)
    assert (code, out) == (2, "")
    assert message in err


def test_a_taken_port(capfd, model_base):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        code, out, err = outcome(capfd, f"--model_base_path={model_base}", f"--port={port}")
    assert (code, out) == (1, "")
    assert f"cannot listen on 127.0.0.1:{port}" in err


def test_a_taken_port_for_rest(model_base):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with started(model_base, f"--rest_api_port={port}") as process:
            _, err = process.popen.communicate(timeout=SECONDS)
    assert process.popen.returncode == 1
    assert f"cannot listen on 127.0.0.1:{port}" in err
    # The gRPC server, which was listening by then, complains if it is not stopped.
    assert "Exception ignored" not in err
    assert "was never awaited" not in err


@pytest.mark.parametrize("cpus", ["", "0-", "3-1", "a", "0,,1", "-1", "99999"])
def test_wrong_lists_of_cpus(capfd, cpus):
    code, out, err = outcome(capfd, "--model_base_path=m", f"--cpus={cpus}")
    assert (code, out) == (1, "")
    assert "--cpus: expected " in err
    assert "Traceback" not in err


def test_the_cpus_of_a_server(model_base):
    chosen = max(os.sched_getaffinity(0))
    with started(model_base, f"--cpus={chosen}", "--rest_api_port=-1", "--noui") as process:
        threads = list(pathlib.Path(f"/proc/{process.popen.pid}/task").iterdir())
        allowed = {
            line.split()[1]
            for thread in threads
            for line in (thread / "status").read_text().splitlines()
            if line.startswith("Cpus_allowed_list:")
        }
        assert len(threads) > 1
        assert allowed == {str(chosen)}
        second_line = process.popen.stdout.readline()
        address = second_line.removeprefix("listening for REST on ").strip()
        with pytest.raises(urllib.error.HTTPError, match="404"):
            urllib.request.urlopen(f"http://{address}/", timeout=SECONDS)


@pytest.mark.parametrize("folder", ["missing", "empty", "versionless"])
def test_no_model_to_serve(capfd, tmp_path, folder):
    if folder != "missing":
        (tmp_path / folder).mkdir()
    if folder == "versionless":
        (tmp_path / folder / "variables").mkdir()
    code, out, err = outcome(capfd, f"--model_base_path={tmp_path / folder}", "--port=0")
    assert (code, out) == (1, "")
    assert (
        f"no version of model 'default' to serve: expected numbered folders such as {tmp_path}"
        in err
    )
    assert "Traceback" not in err


def test_a_broken_model(capfd, tmp_path):
    (tmp_path / "1").mkdir()
    code, out, err = outcome(capfd, f"--model_base_path={tmp_path}", "--port=0")
    assert (code, out) == (1, "")
    assert "version 1 of model 'default'" in err
    assert "holds no saved_model.pb" in err


def test_switches_that_stand_as_wished_are_fine(capfd, tmp_path):
    switches = ["--enable_grpc_healthcheck_service", "--nouse_alts_credentials"]
    code, _, err = outcome(capfd, f"--model_base_path={tmp_path}", "--port=0", *switches)
    assert code == 1
    assert "no version of model 'default' to serve" in err


def test_help_needs_no_tensorflow():
    program = (
        "import sys\n"
        "from keras_bert_cls.cli import serve\n"
        "assert serve.main(['--help']) == 0\n"
        "assert not {'tensorflow', 'keras', 'grpc'} & set(sys.modules)\n"
    )
    result = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    for flag in ("--model_name", "--model_base_path", "--port", "--file_system_poll_wait_seconds"):
        assert flag in result.stdout


def test_a_config_file_and_rest(model_base, tmp_path):
    file = tmp_path / "models.config"
    file.write_text(
        f"model_config_list {{ config {{ name: 'one' base_path: '{model_base}' "
        "model_platform: 'tensorflow' }}"
    )
    with Process(f"--model_config_file={file}", "--port=0", "--rest_api_port=-1") as process:
        second_line = process.popen.stdout.readline()
        address = second_line.removeprefix("listening for REST on ").strip()
        url = f"http://{address}/v1/models/one"
        with urllib.request.urlopen(url, timeout=SECONDS) as answer:
            (version,) = json.load(answer)["model_version_status"]
        assert version["state"] == "AVAILABLE"
        with Client(process.address, "one") as client:
            assert client.predict(["abc"])[0].label == "short"
        process.popen.send_signal(signal.SIGTERM)
        assert process.popen.wait(SECONDS) == 0
        assert "Traceback" not in process.popen.stderr.read()

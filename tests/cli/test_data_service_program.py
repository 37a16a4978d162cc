"""bertcls-data-service."""

import contextlib
import signal
import socket
import subprocess
import sys

import pytest

from keras_bert_cls.cli import data_service

SECONDS = 120


@pytest.fixture(autouse=True)
def fresh_flags():
    yield
    data_service.program.flags.unparse_flags()


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        ([], 2, "--role"),
        (["--role=client"], 2, "role"),
        (["--role=worker"], 2, "--role worker needs --dispatcher HOST:PORT"),
        (["--role=dispatcher", "--dispatcher=127.0.0.1:1"], 2, "--dispatcher is for --role worker"),
        (["--role=dispatcher", "--port=70000"], 2, "port"),
    ],
)
def test_wrong_commands(capsys, arguments, code, message):
    assert data_service.main(arguments) == code
    assert message in capsys.readouterr().err


def test_help_does_not_import_tensorflow():
    program = (
        "import sys; from keras_bert_cls.cli import data_service as d; code = d.main(['--help']);"
        "assert 'tensorflow' not in sys.modules; sys.exit(code)"
    )
    shown = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert shown.returncode == 0, shown.stderr
    assert "--work_dir" in shown.stdout


@contextlib.contextmanager
def started(*arguments):
    command = [sys.executable, "-m", "keras_bert_cls.cli.data_service", *arguments]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_dispatcher_ends_cleanly(tmp_path, number):
    with started("--role=dispatcher", f"--work_dir={tmp_path / 'journal'}") as process:
        assert process.stdout.readline().startswith("dispatcher listening on localhost:")
        process.send_signal(number)
        _, errors = process.communicate(timeout=SECONDS)
    assert process.returncode == 0
    assert "Traceback" not in errors


def test_a_port_that_is_taken():
    with socket.socket() as listener:
        listener.bind(("0.0.0.0", 0))
        listener.listen()
        port = listener.getsockname()[1]
        with started("--role=dispatcher", f"--port={port}") as process:
            _, errors = process.communicate(timeout=SECONDS)
    assert process.returncode == 1
    assert f"--port {port}: the server cannot start" in errors

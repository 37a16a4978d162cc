"""bertcls-predict, with a run, an export and a server."""

import io
import json
import subprocess
import sys

import grpc
import pytest
from certificates import Authority
from fake_serving import FakeServing, fake_serving
from tiny_trained_models import make_trained_model

import keras_bert_cls as kbc
from keras_bert_cls.cli import predict, serve

TEXTS = ["good", "很 bad ！", "the good and the bad 🙂"]


@pytest.fixture(scope="module")
def export(tmp_path_factory):
    folder = tmp_path_factory.mktemp("export")
    kbc.export_saved_model(make_trained_model("single_label"), folder, warmup=False)
    return folder


@pytest.fixture(scope="module")
def expected(export):
    """What the model says about TEXTS."""
    return kbc.Classifier.load(export).predict(TEXTS)


@pytest.fixture
def data(tmp_path):
    file = tmp_path / "texts.txt"
    file.write_text("".join(f"{text}\n" for text in TEXTS), encoding="utf-8")
    return file


@pytest.fixture(autouse=True)
def fresh_flags():
    predict.program.flags.unparse_flags()


def test_tsv(export, data, expected, capsys):
    assert predict.main(["--model", str(export), "--data", str(data)]) == 0
    captured = capsys.readouterr()
    assert captured.out.splitlines() == [
        f"{prediction.label}\t{prediction.score:.6f}\t{text}"
        for prediction, text in zip(expected, TEXTS, strict=True)
    ]
    assert captured.err == ""  # No progress bar where nobody looks.


def test_jsonl_from_the_standard_input(export, data, expected, capsys, monkeypatch):
    monkeypatch.setattr(
        sys, "stdin", io.TextIOWrapper(io.BufferedReader(io.BytesIO(data.read_bytes())))
    )
    arguments = ["--model", str(export), "--output_format", "jsonl", "--batch_size", "2"]
    assert predict.main(arguments) == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [row["text"] for row in rows] == TEXTS
    for row, prediction in zip(rows, expected, strict=True):
        assert row.keys() == {"text", "label", "score", "probabilities"}
        assert row["label"] == prediction.label
        assert row["probabilities"] == pytest.approx(prediction.probabilities, abs=1e-6)


def test_pairs_and_values_of_a_run(tmp_path, capsys):
    trained = make_trained_model("regression", text_pair=True)
    trained.save(tmp_path / "run")
    (tmp_path / "pairs.csv").write_text('q,a\ngood,bad\n"the\tgood\nbad",很\n', encoding="utf-8")
    arguments = ["--model", str(tmp_path / "run"), "--data", str(tmp_path / "pairs.csv")]
    columns = ["--text_column", "q", "--text_pair_column", "a"]
    assert predict.main([*arguments, *columns]) == 0
    rows = [line.split("\t") for line in capsys.readouterr().out.splitlines()]
    classifier = kbc.Classifier.load(tmp_path / "run")
    values = classifier.predict(["good", "the\tgood\nbad"], ["bad", "很"])
    assert [float(row[0]) for row in rows] == pytest.approx([v.value for v in values], rel=1e-5)
    assert [row[1:] for row in rows] == [["good", "bad"], ["the good bad", "很"]]

    predict.program.flags.unparse_flags()
    assert predict.main([*arguments, "--text_column", "q"]) == 1
    assert "the model takes two texts" in capsys.readouterr().err


def test_a_bad_row_is_named_after_the_answers_before_it(export, tmp_path, capsys):
    file = tmp_path / "texts.jsonl"
    file.write_text('{"text": "good"}\n{"text": "bad"}\n{"text": 3}\n')
    arguments = ["--model", str(export), "--data", str(file), "--text_column", "text"]
    assert predict.main([*arguments, "--batch_size", "2"]) == 1
    captured = capsys.readouterr()
    assert [line.split("\t")[2] for line in captured.out.splitlines()] == ["good", "bad"]
    assert f"bertcls-predict: {file}:3: " in captured.err
    assert captured.err.endswith(" Mend the row.\n")


def test_errors_of_input(export, tmp_path, capsys):
    missing = str(tmp_path / "missing.txt")
    assert predict.main(["--model", str(export), "--data", missing]) == 1
    assert "no such file" in capsys.readouterr().err
    predict.program.flags.unparse_flags()
    assert predict.main(["--model", str(tmp_path), "--data", __file__, "--file_format=txt"]) == 1
    assert "holds no model" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "give either --model or --server"),
        (["--model=m", "--server=h:1", "--model_name=n"], "give either --model or --server"),
        (["--server=h:1"], "--server needs --model_name"),
        (["--model=m", "--model_name=n"], "--model_name needs --server"),
        (["--model=m", "--version=3"], "only with --server"),
        (["--model=m", "--bearer_token_file=f"], "only with --server"),
        (["--server=h:1", "--model_name=n", "--timeout=0"], "timeout"),
        (["--model=m", "--batch_size=0"], "batch_size"),
        (["--model=m", "--output_format=xml"], "output_format"),
        (["--model=m", "--text_colum=t"], "Did you mean 'text_column'?"),
    ],
)
def test_a_wrong_command_line(arguments, message, capsys):
    assert predict.main(arguments) == 2
    assert message in capsys.readouterr().err


def test_a_progress_bar_on_a_terminal(export, data, capsys, monkeypatch):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    assert predict.main(["--model", str(export), "--data", str(data)]) == 0
    captured = capsys.readouterr()
    assert len(captured.out.splitlines()) == len(TEXTS)
    assert "3 texts" in captured.err


def test_answers_come_while_the_input_is_open(export):
    command = [sys.executable, "-m", predict.__name__, f"--model={export}", "--batch_size=2"]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as process:
        for number in range(2):
            process.stdin.write(f"good {number}\nbad {number}\n".encode())
            process.stdin.flush()
            for text in (f"good {number}", f"bad {number}"):
                assert process.stdout.readline().decode().split("\t")[2] == f"{text}\n"
        process.stdin.write(b"the last")
        process.stdin.close()
        assert process.stdout.read().decode().endswith("\tthe last\n")
        assert process.wait(60) == 0


_WITHOUT_TENSORFLOW = (
    "import sys; from keras_bert_cls.cli import predict; code = predict.main(sys.argv[1:]); "
    "assert 'tensorflow' not in sys.modules and 'keras' not in sys.modules; sys.exit(code)"
)


def run_without_tensorflow(*arguments):
    command = [sys.executable, "-c", _WITHOUT_TENSORFLOW, *arguments]
    return subprocess.run(command, capture_output=True, text=True, encoding="utf-8")


def test_a_server_is_asked_without_tensorflow(export, data, expected):
    command = [sys.executable, "-m", serve.__name__, f"--model_base_path={export}"]
    with subprocess.Popen(
        [*command, "--model_name=m", "--port=0"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as server:
        try:
            address = server.stdout.readline().removeprefix("listening on ").strip()
            done = run_without_tensorflow(
                "--server", address, "--model_name=m", f"--data={data}", "--output_format=jsonl"
            )
        finally:
            server.terminate()
    assert done.returncode == 0, done.stderr
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert [row["text"] for row in rows] == TEXTS
    for row, prediction in zip(rows, expected, strict=True):
        assert row["label"] == prediction.label
        assert row["probabilities"] == pytest.approx(prediction.probabilities, abs=1e-5)


def test_a_server_that_is_not_there(data):
    done = run_without_tensorflow(
        "--server=127.0.0.1:1", "--model_name=m", f"--data={data}", "--timeout=1"
    )
    assert done.returncode == 1
    assert "127.0.0.1:1" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_server_with_tls_and_a_secret(data, tmp_path, capsys):
    authority = Authority("tests")
    server, client = authority.sign("server"), authority.sign("client")
    contents = {
        "root": authority.certificate,
        "certificate": client.certificate,
        "key": client.key,
        "secret": "0123456789abcdef\n",
    }
    for name, content in contents.items():
        (tmp_path / name).write_text(content)
    credentials = grpc.ssl_server_credentials(
        [(server.key.encode(), server.certificate.encode())],
        authority.certificate.encode(),
        require_client_auth=True,
    )
    service = FakeServing()
    with fake_serving(service, credentials=credentials) as address:
        arguments = [
            f"--server={address}",
            "--model_name=m",
            f"--data={data}",
            "--version_label=canary",
            f"--tls_root_certificates={tmp_path / 'root'}",
            f"--tls_certificate={tmp_path / 'certificate'}",
            f"--tls_key={tmp_path / 'key'}",
            f"--bearer_token_file={tmp_path / 'secret'}",
        ]
        assert predict.main(arguments) == 0
    assert [line.split("\t")[0] for line in capsys.readouterr().out.splitlines()] == TEXTS
    assert service.metadata["authorization"] == "Bearer 0123456789abcdef"
    assert {request.model_spec.version_label for request in service.requests} == {"canary"}


def test_a_version_of_a_server(data):
    service = FakeServing()
    with fake_serving(service) as address:
        arguments = [f"--server={address}", "--model_name=m", f"--data={data}", "--version=7"]
        assert predict.main(arguments) == 0
    assert {request.model_spec.version.value for request in service.requests} == {7}


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--version=1", "--version_label=a"], "got both 1 and 'a'"),
        (["--tls_certificate=absent"], "expected both certificate and key"),
        (["--tls_root_certificates=absent"], "root_certificates of the TLS connection"),
        (["--bearer_token_file=absent"], "--bearer_token_file: expected a file"),
    ],
)
def test_wrong_ways_to_a_server(data, more, message, capsys):
    arguments = ["--server=127.0.0.1:1", "--model_name=m", f"--data={data}", *more]
    assert predict.main(arguments) == 1
    assert message in capsys.readouterr().err


def test_a_secret_that_is_no_text(data, tmp_path, capsys):
    (tmp_path / "secret").write_bytes(b"\xff\xfe")
    arguments = ["--server=127.0.0.1:1", "--model_name=m", f"--data={data}"]
    assert predict.main([*arguments, f"--bearer_token_file={tmp_path / 'secret'}"]) == 1
    assert "expected a file with a secret in ASCII" in capsys.readouterr().err


def test_help_loads_no_tensorflow():
    done = run_without_tensorflow("--help")
    assert done.returncode == 0, done.stderr
    assert "--server" in done.stdout

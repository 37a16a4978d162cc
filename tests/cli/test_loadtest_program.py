"""bertcls-loadtest, with a server of the protocol and no model."""

import json
import subprocess
import sys

import grpc
import pytest
from fake_serving import FakeServing, fake_serving

from keras_bert_cls.cli import loadtest

TEXTS = ["好吃！", "never again", "a rather long text about nothing"]


@pytest.fixture(autouse=True)
def fresh_flags():
    loadtest.program.flags.unparse_flags()


@pytest.fixture
def arguments(tmp_path):
    """The flags that every run needs, but --server and the loads."""
    texts = tmp_path / "texts.txt"
    texts.write_text("".join(f"{text}\n" for text in TEXTS), encoding="utf-8")
    return [
        "--model_name=m",
        f"--texts={texts}",
        "--seconds=0.2",
        "--warmup_seconds=0.1",
    ]


def test_a_report_of_several_loads(arguments, tmp_path, capsys):
    output, plot = tmp_path / "report.json", tmp_path / "report.png"
    pytest.importorskip("matplotlib")
    service = FakeServing()
    with fake_serving(service) as address:
        more = [f"--server={address}", "--concurrency=1,4", "--rows_per_request=2", "--seconds=1"]
        more += [f"--output={output}", f"--plot={plot}"]
        assert loadtest.main([*arguments, *more]) == 0
    heading, first, second = capsys.readouterr().out.splitlines()
    assert heading.split()[:3] == ["load", "requests", "errors"]
    assert first.startswith("1 client ")
    assert second.startswith("4 clients ")
    report = json.loads(output.read_text(encoding="utf-8"))
    assert (report["server"], report["rows_per_request"]) == (address, 2)
    assert report["texts_to_draw_from"] == len(TEXTS)
    assert [load["level"] for load in report["loads"]] == [1, 4]
    for load in report["loads"]:
        assert load["errors"] == {}
        assert load["requests"] > 0
        latency = load["latency_ms"]
        assert latency["p50"] <= latency["p90"] <= latency["p99"] <= latency["p999"]
    assert plot.read_bytes().startswith(b"\x89PNG")
    sent = {
        text
        for request in service.requests
        if "text" in getattr(request, "inputs", {})
        for text in request.inputs["text"].string_val
    }
    assert sent == {text.encode() for text in TEXTS}


def test_an_open_loop(arguments, tmp_path):
    output = tmp_path / "report.json"
    with fake_serving(FakeServing()) as address:
        more = [f"--server={address}", "--rate=100", f"--output={output}"]
        assert loadtest.main([*arguments, *more]) == 0
    (load,) = json.loads(output.read_text(encoding="utf-8"))["loads"]
    assert (load["loop"], load["level"], load["errors"]) == ("open", 100.0, {})
    assert load["sent_late_p99_ms"] >= 0


def test_a_server_that_answers_nothing_else(arguments, tmp_path, capsys):
    token = tmp_path / "token"
    token.write_text("0123456789abcdef\n", encoding="utf-8")
    # The first call, which asks what the model takes, is answered.
    service = FakeServing([None] + [grpc.StatusCode.INTERNAL] * 100_000)
    with fake_serving(service) as address:
        more = [f"--server={address}", "--concurrency=1", f"--bearer_token_file={token}"]
        assert loadtest.main([*arguments, *more]) == 1
    assert "INTERNAL" in capsys.readouterr().out
    assert service.metadata["authorization"] == "Bearer 0123456789abcdef"


@pytest.mark.parametrize(
    ("more", "code", "message"),
    [
        ([], 2, "give either --concurrency or --rate"),
        (["--concurrency=1", "--rate=5"], 2, "give either --concurrency or --rate"),
        (["--concurrency=1,x"], 1, "--concurrency: expected numbers above 0, got 'x'"),
        (["--rate=0"], 1, "--rate: expected numbers above 0, got '0'"),
        (["--concurrency=1", "--signature_name=absent"], 1, "no signature 'absent'"),
        (["--concurrency=1", "--tls_root_certificates=absent"], 1, "cannot be read"),
        (["--concurrency=1", "--version=1", "--version_label=a"], 1, "got both 1 and 'a'"),
        (["--concurrency=1", "--texts=absent.txt"], 1, "absent.txt"),
    ],
)
def test_user_errors(arguments, capsys, more, code, message):
    with fake_serving(FakeServing()) as address:
        assert loadtest.main([*arguments, f"--server={address}", *more]) == code
    assert message in capsys.readouterr().err


def test_nobody_listens(arguments, capsys):
    more = ["--server=127.0.0.1:1", "--concurrency=1"]
    assert loadtest.main([*arguments, *more]) == 1
    assert "Is the server running" in capsys.readouterr().err


def test_it_imports_no_tensorflow(arguments):
    program = (
        "import sys\n"
        "from keras_bert_cls.cli import loadtest\n"
        "code = loadtest.main(sys.argv[1:])\n"
        "assert not {'tensorflow', 'keras'} & set(sys.modules)\n"
        "raise SystemExit(code)\n"
    )
    with fake_serving(FakeServing()) as address:
        done = subprocess.run(
            [sys.executable, "-c", program, *arguments, f"--server={address}", "--rate=50"],
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
    assert done.returncode == 0, done.stderr

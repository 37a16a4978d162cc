"""bertcls-doctor."""

import json
import subprocess
import sys

import pytest
import tensorflow as tf

from keras_bert_cls.cli import doctor, environment
from keras_bert_cls.export.finding import Finding, Severity


@pytest.fixture(autouse=True)
def fresh_flags():
    doctor.program.flags.unparse_flags()


@pytest.fixture(scope="module")
def versions(tmp_path_factory):
    """Version 2 passes for every server; version 10 asks newer ones for an attribute."""
    base = tmp_path_factory.mktemp("models")

    def save(version, policy):
        @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="text")])
        def body(text):
            lengths = tf.strings.length(tf.ensure_shape(text, [None]))
            rows = tf.range(tf.size(lengths))[:, tf.newaxis]
            return {"y": tf.gather_nd(lengths, rows, bad_indices_policy=policy)}

        signatures = {"serving_default": body}
        tf.saved_model.save(tf.Module(), str(base / version), signatures=signatures)

    save("2", "")
    save("10", "IGNORE")
    return base


def test_a_model_that_can_be_served(versions, capsys):
    assert doctor.main(["--model", str(versions / "2"), "--server", "2.16"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == f"{versions / '2'} for TensorFlow Serving 2.16"
    assert lines[-1] == "errors: 0, warnings: 2"
    assert any(line.startswith("  ok       ops") for line in lines)


def test_the_newest_version_is_meant_and_errors_come_last(versions, capsys):
    assert doctor.main(["--model", str(versions), "--server", "2.16"]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == f"{versions / '10'} for TensorFlow Serving 2.16"
    assert lines[-3].startswith("  error    ops          GatherNd in __inference_")
    assert lines[-2].split("-> ")[1].startswith("Serve with TensorFlow Serving 2.17 or newer")
    assert lines[-1] == "errors: 1, warnings: 2"


def test_the_default_server_is_the_newest(versions, capsys):
    assert doctor.main(["--model", str(versions)]) == 0
    assert "TensorFlow Serving 2.20" in capsys.readouterr().out


def test_json(versions, capsys):
    assert doctor.main(["--model", str(versions), "--server", "2.16", "--json"]) == 1
    report = json.loads(capsys.readouterr().out)
    assert (report["model"], report["server"]) == (str(versions / "10"), "2.16")
    assert report["ok"] is False
    (error,) = [f for f in report["findings"] if f["severity"] == "error"]
    assert error.keys() == {"severity", "check", "message", "where", "change"}


def test_this_environment(monkeypatch, capsys):
    seen = {"gpus": [], "cuda": None, "cudnn": None}
    monkeypatch.setattr(environment, "probe_tensorflow", lambda: seen)
    monkeypatch.setattr(environment, "nvidia_driver", lambda: False)
    assert doctor.main([]) == 0
    out = capsys.readouterr().out
    assert out.startswith("This environment\n")
    assert "tensorflow-text: 2.20" in out


def test_an_environment_to_mend(monkeypatch, capsys):
    missing = Finding(Severity.ERROR, "package", "is missing", "keras", "keras<4,>=3.15")
    monkeypatch.setattr(environment, "check_environment", lambda: [missing])
    assert doctor.main([]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[-4:-2] == ["errors: 1, warnings: 0", ""]
    assert lines[-2:] == ["To mend the packages:", "  python -m pip install 'keras<4,>=3.15'"]
    assert doctor.main(["--json"]) == 1
    assert json.loads(capsys.readouterr().out)["install"].endswith("'keras<4,>=3.15'")


@pytest.mark.slow
def test_this_environment_in_a_process_of_its_own():
    command = [sys.executable, "-m", doctor.__name__, "--json"]
    report = json.loads(subprocess.run(command, capture_output=True, text=True).stdout)
    checks = {finding["check"] for finding in report["findings"]}
    assert checks == {"python", "package", "import", "devices"}


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["--server=2.20"], 2, "--server needs --model"),
        (["--model=m", "--server=1.15"], 2, "2.16"),
        (["--model=m", "--sever=2.20"], 2, "sever"),
        (["--model=no/such/folder"], 1, "holds no SavedModel and no numbered versions"),
    ],
)
def test_a_wrong_command_line(arguments, code, message, capsys):
    assert doctor.main(arguments) == code
    assert message in capsys.readouterr().err


def test_help_loads_no_tensorflow():
    program = (
        "import sys; from keras_bert_cls.cli import doctor; code = doctor.main(['--help']); "
        "sys.exit(code or 'tensorflow' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "--model" in done.stdout

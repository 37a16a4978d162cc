"""bertcls-export."""

import hashlib
import json
import subprocess
import sys

import pytest
from tiny_trained_models import make_trained_model

from keras_bert_cls.cli import export


@pytest.fixture(scope="module")
def workdir(tmp_path_factory):
    """The folder of a finished run."""
    folder = tmp_path_factory.mktemp("run")
    make_trained_model("single_label").save(folder)
    (folder / "config.json").write_text('{"seed": 1}')
    (folder / "scores.json").write_text('{"dev": {"accuracy": 0.75}}')
    return folder


@pytest.fixture(autouse=True)
def fresh_flags():
    export.program.flags.unparse_flags()


def test_in_a_process_of_its_own(workdir, tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", export.__name__, f"--workdir={workdir}", f"--output={tmp_path}/m"],
        capture_output=True,
        text=True,
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        f"{tmp_path}/m/1",
        "  classify: inputs string [?] -> classes string [?, 3], scores float32 [?, 3]",
        "  embed: text string [?] -> embedding float32 [?, 8]",
        "  serving_default: text string [?] -> label string [?], probabilities float32 [?, 3], "
        "score float32 [?]",
        "  tokenize: text string [?] -> token_ids int32 [?, 24], tokens string [?, 24]",
        "  tokens: padding_mask int32 [?, ?], segment_ids int32 [?, ?], token_ids int32 [?, ?] -> "
        "probabilities float32 [?, 3]",
    ]
    card = json.loads((tmp_path / "m/1/assets.extra/model_card.json").read_text())
    assert card["training"] == {
        "config_sha256": hashlib.sha256(b'{"seed": 1}').hexdigest(),
        "scores": {"dev": {"accuracy": 0.75}},
    }


def test_a_version_is_given_once(workdir, tmp_path, capsys):
    arguments = ["--workdir", str(workdir), "--output", str(tmp_path), "--version", "12"]
    assert export.main(arguments) == 0
    assert capsys.readouterr().out.startswith(f"{tmp_path / '12'}\n")
    assert export.main(arguments) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("bertcls-export: version 12 exists: ")


def test_the_precision_is_chosen(workdir, tmp_path, capsys):
    arguments = ["--workdir", str(workdir), "--output", str(tmp_path), "--precision", "bfloat16"]
    assert export.main(arguments) == 0
    card = json.loads((tmp_path / "1/assets.extra/model_card.json").read_text())
    assert card["precision"] == "bfloat16"


def test_the_server_is_checked_for_and_named(workdir, tmp_path, capsys, monkeypatch):
    from keras_bert_cls.export import compatibility
    from keras_bert_cls.export.finding import Finding, Severity

    def find(folder, server):
        assert (folder / "saved_model.pb").exists()
        return [Finding(Severity.ERROR, "ops", f"not in {server}", "node", "Replace it.")]

    monkeypatch.setattr(compatibility, "check_saved_model", find)
    arguments = ["--workdir", str(workdir), "--output", str(tmp_path / "m"), "--server", "2.17"]
    assert export.main(arguments) == 1
    assert capsys.readouterr().err == (
        "bertcls-export: TensorFlow Serving 2.17 could not serve it:\n"
        "  ops: node: not in 2.17. Replace it.\n"
    )
    assert list((tmp_path / "m").iterdir()) == []


def test_a_run_that_is_not_finished_is_explained(tmp_path, capsys):
    assert export.main(["--workdir", str(tmp_path), "--output", str(tmp_path / "m")]) == 1
    assert "holds no finished model" in capsys.readouterr().err
    assert not (tmp_path / "m").exists()


def test_a_file_where_the_folder_is_to_be(workdir, tmp_path, capsys):
    (tmp_path / "notes.md").write_text("text")
    for output in (tmp_path / "notes.md", tmp_path / "notes.md" / "models"):
        export.program.flags.unparse_flags()
        assert export.main(["--workdir", str(workdir), "--output", str(output)]) == 1
        message = f"--output {output}: {tmp_path}/notes.md is a file, expected a folder"
        assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "workdir"),
        (["--workdir=w"], "output"),
        (["--workdir=w", "--output=m", "--version=-1"], "version"),
        (["--workdir=w", "--output=m", "--versoin=1"], "versoin"),
        (["--workdir=w", "--output=m", "--server=1.15"], "2.16"),
    ],
)
def test_a_wrong_command_line(arguments, message, capsys):
    assert export.main(arguments) == 2
    assert message in capsys.readouterr().err


def test_help_loads_no_tensorflow():
    program = (
        "import sys; from keras_bert_cls.cli import export; code = export.main(['--help']); "
        "sys.exit(code or 'tensorflow' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "--workdir" in done.stdout

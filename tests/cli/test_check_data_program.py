"""bertcls-check-data."""

import json
import subprocess
import sys

import pytest
from tiny_runs import finetune_config, write_config, write_files

from keras_bert_cls.cli import check_data


@pytest.fixture(autouse=True)
def fresh_flags():
    check_data.program.flags.unparse_flags()
    yield
    check_data.program.flags.unparse_flags()


@pytest.fixture
def folder(tmp_path, monkeypatch):
    write_files(tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


FLAGS = ("--train=train.tsv", "--dev=dev.tsv", "--text_column=text", "--label_column=label")


def run(*arguments):
    check_data.program.flags.unparse_flags()
    return check_data.main(list(arguments))


def test_a_config_and_the_same_by_flags(folder, capsys):
    write_config(folder / "config.py", finetune_config(folder))
    output = ["--output=report.json", "--strict"]
    assert run("--config=config.py", "--config.data.max_length=8", *output) == 1
    of_config = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    assert "max_length=8" in capsys.readouterr().out
    assert of_config["errors"] == 0
    paths = [f"--{split}={folder}/{split}.tsv" for split in ("train", "dev", "test")]
    given = ["--vocabulary=vocab.txt", "--max_length=8", "--output=report.json"]
    assert run(*paths, *FLAGS[2:], *given) == 0
    assert json.loads((folder / "report.json").read_text(encoding="utf-8")) == of_config


def test_what_breaks_training_ends_with_1(folder, capsys):
    assert run(*FLAGS) == 0
    with (folder / "dev.tsv").open("a") as file:
        file.write("a\tb\tunheard\tgood\t1\n")
    assert run(*FLAGS) == 1
    out = capsys.readouterr().out
    assert "dev.tsv:19: label 'unheard' is not among the 3 labels" in out
    assert "--config.data.unknown_label=skip" in out


def test_an_output_that_cannot_be_written_is_found_before_the_work(folder, capsys):
    assert run(*FLAGS, "--output=.") == 1
    streams = capsys.readouterr()
    assert "--output: expected a file to write, . is a folder" in streams.err
    assert streams.out == ""
    assert run(*FLAGS, "--output=new/report.json") == 0
    assert json.loads((folder / "new" / "report.json").read_text())["errors"] == 0


def test_the_config_is_checked_as_for_training(folder, capsys):
    write_config(folder / "config.py", finetune_config(folder, tokenizer_vocabulary="no.txt"))
    assert run("--config=config.py", "--config.train.batch_size=0") == 1
    assert "batch_size must be at least 1" in capsys.readouterr().err
    assert run("--config=config.py") == 1
    assert "no.txt" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "--config or --train is required"),
        (["--train=train.tsv", "--text_column=text"], "label_column"),
        ([*FLAGS, "--config.data.max_length=9"], "needs --config"),
        (["--config=c.py", "--max_length=9"], "--max_length does not go with --config"),
        (["--config=config.py", "--config.data.max_len=9"], "Did you mean 'max_length'"),
        (["--config=missing.py"], "missing.py"),
        ([*FLAGS, "--vocabluary=v"], "vocabulary"),
    ],
)
def test_wrong_commands(folder, capsys, arguments, message):
    write_config(folder / "config.py", finetune_config(folder))
    assert run(*arguments) == 2
    assert message in capsys.readouterr().err


def test_without_a_vocabulary_no_tensorflow_is_imported(folder):
    script = (
        "import sys; from keras_bert_cls.cli import check_data; code = check_data.main();"
        "assert 'tensorflow' not in sys.modules; sys.exit(code)"
    )
    for arguments in (["--help"], FLAGS):
        command = [sys.executable, "-c", script, *arguments]
        shown = subprocess.run(command, capture_output=True, text=True, cwd=folder)
        assert shown.returncode == 0, shown.stderr

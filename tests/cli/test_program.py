"""What all programs share: help, exit codes, configs from the command line."""

import dataclasses
import importlib
import os
import pathlib
import subprocess
import sys
import tomllib

import pytest
from absl import flags
from tiny_runs import finetune_config, write_config

from keras_bert_cls.cli.program import Program
from keras_bert_cls.errors import UserError
from keras_bert_cls.training.config import FinetuneConfig

PYPROJECT = pathlib.Path(__file__).parents[2] / "pyproject.toml"
SCRIPTS = tomllib.loads(PYPROJECT.read_text())["project"]["scripts"]


@pytest.mark.parametrize("script", SCRIPTS)
def test_help_answers_without_tensorflow(script):
    module, main = SCRIPTS[script].split(":")
    program = (
        "import sys, importlib\n"
        f"module = importlib.import_module({module!r})\n"
        f"code = module.{main}(['--help'])\n"
        "heavy = {'tensorflow', 'keras', 'tensorflow_text'} & set(sys.modules)\n"
        "sys.exit(code or ' '.join(heavy) or 0)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert lines[0].startswith(f"usage: {script} [flags]")
    assert lines[2][0].isupper()
    assert lines[2].endswith(".")


@pytest.mark.parametrize("script", SCRIPTS)
def test_unknown_flags_are_refused(script, capsys):
    main = importlib.import_module(SCRIPTS[script].split(":")[0]).main
    assert main(["--no_such_flag_at_all=1"]) == 2
    error = capsys.readouterr().err
    assert error.startswith(f"{script}: ")
    assert "no_such_flag_at_all" in error or "required" in error
    assert error.endswith(f"Try '{script} --help'.\n")


@pytest.fixture
def program():
    program = Program("bertcls-test", "Tests.\n\nMore of it.", config=FinetuneConfig)
    flags.DEFINE_integer("number", 1, "A number.", lower_bound=0, flag_values=program.flags)
    return program


@pytest.fixture
def config_file(tmp_path):
    return write_config(tmp_path / "config.py", finetune_config(tmp_path))


def run(program, *arguments, body=None) -> tuple[int, object]:
    """Runs a program; returns its exit code and the config that its body got."""
    seen = []
    code = program.run(body or (lambda rest: seen.append(program.config)), list(arguments))
    return code, seen[0] if seen else None


@pytest.mark.parametrize(
    ("body", "code", "error"),
    [
        (lambda rest: None, 0, ""),
        (lambda rest: 5, 5, ""),
        (UserError("a.tsv:3: no label"), 1, "bertcls-test: a.tsv:3: no label\n"),
        (
            OSError(28, "No space left on device", "run/metrics.jsonl"),
            1,
            "bertcls-test: [Errno 28] No space left on device: 'run/metrics.jsonl'\n",
        ),
        (KeyboardInterrupt(), 130, "bertcls-test: interrupted\n"),
    ],
)
def test_exit_codes(config_file, program, capsys, body, code, error):
    def raising(rest):
        raise body

    function = raising if isinstance(body, BaseException) else body
    assert run(program, f"--config={config_file}", body=function)[0] == code
    assert capsys.readouterr() == ("", error)


def test_errors_of_our_own_are_not_hidden(config_file, program):
    def broken(rest):
        raise KeyError("a bug")

    with pytest.raises(KeyError):
        run(program, f"--config={config_file}", body=broken)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "--config is required"),
        (["--config={config}", "--numbr=3"], "unknown flag --numbr. Did you mean 'number'?"),
        (["--config={config}", "--number=x"], "invalid literal for int() with base 10: 'x'"),
        (["--config={config}", "--number=-3"], "number"),
        (["--config={config}", "extra"], "unexpected argument 'extra'"),
        (["--config={folder}/none.py"], "there is no file {folder}/none.py"),
        (["--config={folder}/none.py", "--config.seed=1"], "there is no file {folder}/none.py"),
        (["--config={folder}"], "there is no file {folder}"),
        (
            ["--config={config}", "--config.train.batch_sise=3"],
            "--config.train has no field 'batch_sise'. Did you mean 'batch_size'?",
        ),
        (
            ["--config={config}", "--config.trian.steps=3"],
            "--config has no field 'trian'. Did you mean 'train'?",
        ),
        (["--config={config}", "--config.seed.x=3"], "--config.seed has no field 'x'"),
        (["--config={config}", "--config.train=3"], "is a group; its fields are --config.train."),
        (
            ["--config={config}", "--config.train.batch_size=abc"],
            "--config.train.batch_size: expected an integer, got 'abc'",
        ),
        (
            ["--config={config}", "--config.train.epochs=two"],
            "--config.train.epochs: expected an integer, got 'two'",
        ),
        (
            ["--config={config}", "--config.optimizer.learning_rate=a:b=c"],
            "--config.optimizer.learning_rate: expected a number, got 'a:b=c'",
        ),
        (
            ["--config={config}", "--config.train.jit_compile=maybe"],
            "--config.train.jit_compile: expected true or false, got 'maybe'",
        ),
    ],
)
def test_a_wrong_command_line(tmp_path, config_file, program, capsys, arguments, message):
    names = {"config": config_file, "folder": tmp_path}
    code, _ = run(program, *(argument.format(**names) for argument in arguments))
    captured = capsys.readouterr()
    assert code == 2
    assert message.format(**names) in captured.err
    assert captured.err.startswith("bertcls-test: ")
    assert captured.err.endswith("Try 'bertcls-test --help'.\n")
    assert "Traceback" not in captured.err
    assert captured.out == ""


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("def get_config(:\n", "1: SyntaxError: "),
        ("import no_such_module\n", "1: ModuleNotFoundError: No module named 'no_such_module'"),
        ("def get_config():\n    x = 1\n    return y\n", "3: NameError: name 'y' is not defined"),
        ("x = 1\n", " expected a function get_config() -> FinetuneConfig"),
        (
            "def get_config():\n    return {'seed': 1}\n",
            " expected get_config() to return a FinetuneConfig, got a dict",
        ),
        (
            "from keras_bert_cls.training.config import FinetuneConfig\n\n\n"
            "def get_config():\n    return FinetuneConfig(sead=1)\n",
            "5: TypeError: ",
        ),
        (
            "from keras_bert_cls.training.config import PretrainConfig as get_config\n",
            " expected get_config() to return a FinetuneConfig, got a PretrainConfig",
        ),
    ],
)
def test_a_broken_config_file_is_named_with_the_line(tmp_path, program, capsys, content, message):
    path = tmp_path / "config.py"
    path.write_text(content)
    assert run(program, f"--config={path}", "--config.seed=3")[0] == 2
    error = capsys.readouterr().err
    assert error.startswith(f"bertcls-test: {path}:{message}")
    assert "Traceback" not in error


def test_fields_are_set_from_the_command_line(tmp_path, config_file, program):
    code, config = run(
        program,
        "--config.train.steps=7",  # before or after --config
        "--config",
        str(config_file),
        "--config.seed",
        "11",
        "--number=3",
        "--config.data.text_column=review",
        "--config.data.train_files=a.tsv",
        "--config.data.train_files=b.tsv",
        "--config.data.dev_files=('c.tsv','d.tsv')",
        "--config.data.header=true",
        "--config.encoder.dropout=0",
        "--noconfig.tokenizer.lowercase",
        "--config.train.jit_compile",
        "--config.head.class_weights=(('good', 2.5), ('so', 1))",
    )
    assert code == 0
    expected = finetune_config(
        tmp_path,
        seed=11,
        train_steps=7,
        data_text_column="review",
        data_train_files=("a.tsv", "b.tsv"),
        data_dev_files=("c.tsv", "d.tsv"),
        data_header=True,
        encoder_dropout=0.0,
        tokenizer_lowercase=False,
        train_jit_compile=True,
        head_class_weights=(("good", 2.5), ("so", 1)),
    )
    assert dataclasses.asdict(config) == dataclasses.asdict(expected)
    assert program.flags.number == 3


def test_a_second_run_starts_from_the_file_again(tmp_path, config_file, program):
    run(program, f"--config={config_file}", "--config.train.steps=7", "--number=9")
    assert run(program, f"--config={config_file}") == (0, finetune_config(tmp_path))
    assert program.flags.number == 1


def test_the_last_config_file_counts(tmp_path, config_file, program):
    other = write_config(tmp_path / "other.py", finetune_config(tmp_path, seed=8))
    _, config = run(program, f"--config={config_file}", f"--config={other}")
    assert config.seed == 8


def test_a_reader_that_goes_away_is_no_error(config_file):
    program = (
        "import sys\n"
        "from keras_bert_cls.cli.program import Program\n"
        "def body(rest):\n"
        "    for _ in range(100_000):\n"
        "        print('a line')\n"
        "sys.exit(Program('bertcls-test', 'Tests.').run(body, []))\n"
    )
    done = subprocess.run(
        ["bash", "-c", '"$0" -c "$1" | head -n 1; exit ${PIPESTATUS[0]}', sys.executable, program],
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "a line\n", "")


def test_help_survives_a_reader_that_goes_away():
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        [sys.executable, "-m", "keras_bert_cls.cli.export", "--help"],
        stdout=writer,
        stderr=subprocess.PIPE,
        text=True,
    )
    os.close(writer)
    assert done.returncode == 0
    assert done.stderr == ""

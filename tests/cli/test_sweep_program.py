"""bertcls-sweep."""

import json
import subprocess
import sys

import pytest
from tiny_runs import finetune_config, write_config, write_files

from keras_bert_cls.cli import finetune, sweep

SPACE = """
[optimizer]
learning_rate = {loguniform = [1e-3, 1e-1]}
[head]
dropout = {choices = [0.0, 0.1]}
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_files(tmp_path)
    write_config(tmp_path / "config.py", finetune_config(tmp_path, encoder_num_layers=1))
    (tmp_path / "space.toml").write_text(SPACE)
    return tmp_path


def run(*arguments):
    sweep.program.flags.unparse_flags()
    return sweep.main(list(arguments))


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["--config=config.py", "--sweepdir=s"], 2, "--space is required"),
        (["--config=config.py", "--space=space.toml"], 2, "--sweepdir is required"),
        (["--config=config.py", "--space=space.tml", "--sweepdir=s"], 1, "no file space.tml"),
        (["--config=config.py", "--space=space.toml", "--sweepdir=s", "--trials=0"], 2, "trials"),
        (
            ["--config=config.py", "--space=space.toml", "--sweepdir=s", "--pruner=medium"],
            2,
            "median",
        ),
        (
            ["--config=config.py", "--space=bad.toml", "--sweepdir=s"],
            1,
            "Did you mean 'head.dropout'",
        ),
        (
            ["--config=config.py", "--config.train.step=3", "--space=space.toml", "--sweepdir=s"],
            2,
            "Did you mean 'steps'",
        ),
    ],
)
def test_wrong_commands(folder, capsys, arguments, code, message):
    (folder / "bad.toml").write_text("[head]\ndropot = {choices = [0.0]}\n")
    assert run(*arguments) == code
    assert message in capsys.readouterr().err
    assert not (folder / "s").exists()


def test_help_imports_neither_tensorflow_nor_optuna():
    script = (
        "import sys; from keras_bert_cls.cli import sweep; code = sweep.main(['--help']);"
        "assert not {'tensorflow', 'optuna'} & set(sys.modules); sys.exit(code)"
    )
    shown = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert shown.returncode == 0, shown.stderr
    assert "--keep_checkpoints" in shown.stdout


@pytest.mark.slow
def test_real_runs_and_the_best_config(folder, capsys):
    command = ["--config=config.py", "--config.train.steps=8", "--space=space.toml"]
    assert run(*command, "--sweepdir=s", "--trials=3", "--workers=2") == 0
    out = capsys.readouterr().out
    assert "its config: s/best_config.py" in out
    assert len((folder / "s/trials.tsv").read_text().splitlines()) == 4
    finetune.program.flags.unparse_flags()
    assert finetune.main(["--config=s/best_config.py", "--workdir=best"]) == 0
    scores = json.loads((folder / "best/scores.json").read_text())
    best = next(line for line in out.splitlines() if line.startswith("best: "))
    dev = scores["dev"].get("values", scores["dev"])
    assert f"accuracy {dev['accuracy']:.4f}" in best

"""bertcls-finetune."""

import json
import subprocess
import sys

import pytest
from tiny_runs import finetune_config, write_config, write_files

from keras_bert_cls.cli import finetune


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("files")
    write_files(folder)
    config = finetune_config(folder, encoder_num_layers=1, train_steps=5)
    write_config(folder / "config.py", config)
    return folder


def test_trains_scores_and_says_when_there_is_nothing_left(files, tmp_path, capsys):
    command = [f"--config={files}/config.py", f"--workdir={tmp_path}/run"]
    assert finetune.main(command) == 0
    first = capsys.readouterr().out
    assert {path.name for path in (tmp_path / "run").iterdir()} == {
        "checkpoints",
        "config.json",
        "data",
        "labels.txt",
        "metrics.jsonl",
        "model.keras",
        "model_settings.json",
        "scores.json",
        "tensorboard",
        "vocab.txt",
    }
    assert set(json.loads((tmp_path / "run/scores.json").read_text())) == {"dev", "test"}
    tables = first[first.index("\ndev\n") :]
    assert "accuracy" in tables
    assert "good" in tables
    assert tables.endswith(f"the fine-tuned model is in {tmp_path}/run\n")
    assert finetune.main(command) == 0
    again = capsys.readouterr().out
    assert again == (
        f"{tmp_path}/run holds the finished run of this config: there is nothing left to do\n"
        + tables
    )


def test_in_a_process_of_its_own_where_the_disk_is_full(files, tmp_path):
    command = [
        *(sys.executable, "-m", finetune.__name__),
        *(f"--config={files}/config.py", f"--workdir={tmp_path}/run"),
        "--config.train.checkpoint_every=2",
        "--config.train.eval_every=9",
    ]
    # Files end at 12 kB, as on a full disk; the weights and moments take 13.
    limited = ["bash", "-c", 'ulimit -f 12 && exec "$@"', "bash", *command]
    done = subprocess.run(limited, capture_output=True, text=True)
    assert done.returncode == 1
    assert "step-000000002: the checkpoint could not be written" in done.stderr
    assert "Traceback" not in done.stderr
    assert "\r" not in done.stderr
    assert list((tmp_path / "run/checkpoints").iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["--config.train.batch_sise=3"], 2, "Did you mean 'batch_size'?"),
        (["--config.train.batch_size=0"], 1, "--config.train: batch_size must be at least 1"),
        (["--config.data.train_files=none.tsv"], 1, "none.tsv"),
        (["--config.data.label_column=lable"], 1, "lable"),
        (["--config.tokenizer.vocabulary=none.txt"], 1, "none.txt"),
        (["--config.init_from={files}"], 1, "{files} holds no finished model"),
        (["--config.optimizer.rules=(('no_such', 0.0, 0.0),)"], 1, "'no_such' matches no weight"),
        (["--config.head.class_weights=(('goood', 2.0),)"], 1, "Did you mean 'good'?"),
    ],
)
def test_what_users_get_wrong(files, tmp_path, capsys, arguments, code, message):
    arguments = [argument.format(files=files) for argument in arguments]
    command = [f"--config={files}/config.py", f"--workdir={tmp_path}/run", *arguments]
    assert finetune.main(command) == code
    error = capsys.readouterr().err
    assert error.startswith("bertcls-finetune: ")
    assert message.format(files=files) in error


def test_another_config_for_the_same_workdir(files, tmp_path, capsys):
    (tmp_path / "run").mkdir()
    command = [f"--config={files}/config.py", f"--workdir={tmp_path}/run"]
    assert finetune.main([*command, "--config.data.train_files=none.tsv"]) == 1
    assert finetune.main([*command, "--config.train.batch_size=4"]) == 1
    error = capsys.readouterr().err
    assert "--config.train.batch_size: there 8, given 4" in error
    assert '--config.data.train_files: there ["none.tsv"], given [' in error

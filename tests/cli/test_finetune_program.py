"""bertcls-finetune."""

import json
import resource

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


def test_a_full_disk_is_no_traceback(files, tmp_path, capsys):
    command = [f"--config={files}/config.py", f"--workdir={tmp_path}/run"]
    command += ["--config.train.checkpoint_every=2", "--config.train.eval_every=9"]
    # Files end at 12 kB, as on a full disk; the weights and moments take 13.
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (12_000, limits[1]))
    try:
        assert finetune.main(command) == 1
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    captured = capsys.readouterr()
    assert "bertcls-finetune: " in captured.err
    assert "step-000000002: the checkpoint could not be written" in captured.err
    assert "\r" not in captured.out + captured.err
    assert list((tmp_path / "run/checkpoints").iterdir()) == []
    # With space again, the same command goes on.
    assert finetune.main(command) == 0


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

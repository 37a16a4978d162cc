"""bertcls-pretrain."""

import pytest
from tiny_runs import finetune_config, pretrain_config, write_config, write_files

from keras_bert_cls.cli import pretrain


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("files")
    write_files(folder)
    config = pretrain_config(folder, encoder_num_layers=1, train_steps=3)
    write_config(folder / "config.py", config)
    write_config(folder / "finetune.py", finetune_config(folder))
    return folder


def test_trains_and_says_when_there_is_nothing_left(files, tmp_path, capsys):
    command = [f"--config={files}/config.py", f"--workdir={tmp_path}/run"]
    assert pretrain.main(command) == 0
    assert capsys.readouterr().out.endswith(f"the pretrained model is in {tmp_path}/run\n")
    assert {"model.keras", "vocab.txt", "metrics.jsonl", "checkpoints"} <= {
        path.name for path in (tmp_path / "run").iterdir()
    }
    before = (tmp_path / "run/model.keras").stat().st_mtime_ns
    assert pretrain.main(command) == 0
    assert capsys.readouterr().out == (
        f"{tmp_path}/run holds the finished run of this config: there is nothing left to do\n"
        f"the pretrained model is in {tmp_path}/run\n"
    )
    assert (tmp_path / "run/model.keras").stat().st_mtime_ns == before


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["--config={files}/finetune.py"], 2, "to return a PretrainConfig, got a FinetuneConfig"),
        (["--config={files}/config.py", "--config.masking.raet=0.2"], 2, "Did you mean 'rate'?"),
        (["--config={files}/config.py", "--config.masking.rate=1.5"], 1, "rate must be in (0, 1)"),
        (["--config={files}/config.py", "--config.data.files=none.txt"], 1, "none.txt"),
    ],
)
def test_what_users_get_wrong(files, tmp_path, capsys, arguments, code, message):
    arguments = [argument.format(files=files) for argument in arguments]
    assert pretrain.main([*arguments, f"--workdir={tmp_path}/run"]) == code
    error = capsys.readouterr().err
    assert error.startswith("bertcls-pretrain: ")
    assert message in error

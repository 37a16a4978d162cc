"""A run's folder: one config, one run."""

import json
import pathlib

import pytest
from tiny_runs import finetune_config, pretrain_config, with_fields

from keras_bert_cls.errors import UserError
from keras_bert_cls.training.config_json import config_from_json, config_to_json
from keras_bert_cls.training.run_directory import RunDirectory

CONFIG = finetune_config(
    pathlib.Path("data"),
    head_class_weights=(("好", 2.0),),
    optimizer_rules=(("pooler", 0.0, 0.0),),
    encoder_dropout=0.2,
    head_dropout=0.1,
)


@pytest.mark.parametrize("config", [CONFIG, pretrain_config(pathlib.Path("data"))])
def test_a_config_comes_back_from_its_file(tmp_path, config):
    run = RunDirectory.open(tmp_path / "new/run", config)
    assert run.read_config() == config
    assert RunDirectory.open(run.path, config).path == run.path
    assert [path.name for path in run.path.iterdir()] == ["config.json"]


def test_another_config_is_refused_with_the_fields_that_differ(tmp_path):
    RunDirectory.open(tmp_path, CONFIG)
    # Values that are swapped are the same lines of JSON.
    other = with_fields(CONFIG, encoder_dropout=0.1, head_dropout=0.2, train_batch_size=16)
    with pytest.raises(UserError) as caught:
        RunDirectory.open(tmp_path, other)
    assert str(caught.value).splitlines() == [
        f"{tmp_path} belongs to a run with another config:",
        "  --config.encoder.dropout: there 0.2, given 0.1",
        "  --config.head.dropout: there 0.1, given 0.2",
        "  --config.train.batch_size: there 8, given 16",
        "Give another --workdir, or the old config to resume.",
    ]
    assert RunDirectory(tmp_path).read_config() == CONFIG


def test_a_config_of_another_kind_is_refused(tmp_path):
    RunDirectory.open(tmp_path, CONFIG)
    with pytest.raises(UserError, match='kind: there "FinetuneConfig", given "PretrainConfig"'):
        RunDirectory.open(tmp_path, pretrain_config(pathlib.Path("data")))


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match=rf"--workdir {tmp_path}/file"):
        RunDirectory.open(tmp_path / "file", CONFIG)
    with pytest.raises(UserError, match=rf"--workdir {tmp_path}/file/run"):
        RunDirectory.open(tmp_path / "file/run", CONFIG)


def test_a_folder_without_a_config_has_none(tmp_path):
    assert RunDirectory(tmp_path).read_config() is None
    assert not RunDirectory(tmp_path).is_finished


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda c: {**c, "kind": "OtherConfig"}, "expected the JSON of a run's config"),
        (lambda c: {**c, "train": {"epoch": 1}}, "config.train.epoch is no field"),
        (lambda c: {**c, "train": 3}, "config.train must be an object with fields, got 3"),
        (lambda c: [c], "expected the JSON of a run's config"),
    ],
)
def test_a_broken_config_file_is_named(tmp_path, change, message):
    content = change(json.loads(config_to_json(CONFIG)))
    (tmp_path / "config.json").write_text(json.dumps(content))
    with pytest.raises(UserError, match=f"{tmp_path}/config.json: {message}"):
        RunDirectory(tmp_path).read_config()
    with pytest.raises(UserError, match="another config"):
        RunDirectory.open(tmp_path, CONFIG)


def test_a_run_of_a_version_with_fewer_fields_goes_on(tmp_path):
    RunDirectory.open(tmp_path, CONFIG)
    content = json.loads(config_to_json(CONFIG))
    del content["distillation"], content["init_layers"]
    before = json.dumps(content)
    (tmp_path / "config.json").write_text(before)
    assert RunDirectory.open(tmp_path, CONFIG).read_config() == CONFIG
    # The file, whose digest an export may hold, stays as it is.
    assert (tmp_path / "config.json").read_text() == before
    other = with_fields(CONFIG, distillation_weight=0.9, train_batch_size=16)
    with pytest.raises(UserError) as caught:
        RunDirectory.open(tmp_path, other)
    assert str(caught.value).splitlines()[1:-1] == [
        "  --config.train.batch_size: there 8, given 16",
        "  --config.distillation.weight: there 0.5, given 0.9",
    ]


def test_fields_that_are_not_there_have_their_defaults():
    content = json.loads(config_to_json(CONFIG))
    del content["seed"], content["head"], content["train"]["epochs"]
    config = config_from_json(json.dumps(content))
    assert (config.seed, config.train.epochs, config.train.steps) == (0, 0, 12)
    assert config.head == type(CONFIG)().head

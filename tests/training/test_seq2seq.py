"""Training of sequence-to-sequence models, in runs of a few steps."""

import json
import shutil

import numpy as np
import pytest
from tiny_seq2seq import seq2seq_config, write_pairs
from whole_runs import weights_of

from keras_bert_cls.errors import UserError
from keras_bert_cls.modeling.decoder_config import GenerationConfig
from keras_bert_cls.modeling.seq2seq import decoder_config
from keras_bert_cls.modeling.trained_model import TrainedModel
from keras_bert_cls.training.config_check import check_config
from keras_bert_cls.training.config_json import config_from_json, config_to_json
from keras_bert_cls.training.seq2seq import train_seq2seq


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pairs")
    write_pairs(folder)
    return folder


@pytest.fixture(scope="module")
def run(files):
    """A finished run: its folder, its result, and what it said."""
    said = []
    generation = GenerationConfig(method="beam", beams=2, max_length=8)
    config = seq2seq_config(files, generation=generation, train_accumulation=2)
    result = train_seq2seq(config, files / "run", said.append)
    return config, files / "run", result, said


def test_scores(run):
    _, folder, result, said = run
    assert [line.split(":")[0] for line in said] == ["test", "dev", "train"]
    for split in ("dev", "test"):
        values = result.scores[split].values
        names = {"loss", "token_accuracy", "exact_match", "rouge_1", "rouge_2", "rouge_l"}
        assert set(values) == names
        assert all(0 <= values[name] <= 1 for name in names - {"loss"})
    lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    train = [line for line in lines if line["kind"] == "train"]
    assert train[-1]["loss"] < train[0]["loss"]
    assert "token_accuracy" in train[0]


def test_the_model_is_saved_with_its_generation(run):
    config, folder, result, _ = run
    trained = TrainedModel.load(folder)
    assert trained.settings.task == "seq2seq"
    assert trained.generation == config.generation
    assert decoder_config(trained.model) == config.decoder
    for one, other in zip(trained.model.weights, result.trained.model.weights, strict=True):
        np.testing.assert_array_equal(one, other)
    (folder / "generation.json").write_text('{"method": "best"}')
    with pytest.raises(UserError, match=r"generation\.json: .*method must be one of"):
        TrainedModel.load(folder)
    trained.save(folder)
    assert TrainedModel.load(folder).generation == config.generation


def test_a_run_that_lost_its_end_comes_to_the_same(run):
    config, folder, _, _ = run
    broken = folder.with_name("broken")
    shutil.copytree(folder, broken)
    (broken / "model.keras").unlink()
    (broken / "scores.json").unlink()
    steps = {path: int(path.name.rsplit("-", 1)[-1]) for path in (broken / "checkpoints").iterdir()}
    for path, step in steps.items():
        if step > 8:
            shutil.rmtree(path)
    assert any(step == 8 for step in steps.values())
    train_seq2seq(config, broken)
    whole = weights_of(folder)
    for path, values in weights_of(broken).items():
        assert np.abs(values - whole[path]).max() == 0.0, path


def test_starting_from_a_run(run, files):
    _, folder, _, _ = run
    config = seq2seq_config(
        files,
        init_from=str(folder),
        train_steps=1,
        optimizer_learning_rate=1e-12,
        data_dev_files=(),
        data_test_files=(),
    )
    train_seq2seq(config, files / "second")
    before = weights_of(folder)
    for path, values in weights_of(files / "second").items():
        np.testing.assert_allclose(values, before[path], atol=1e-9)


def test_configs_are_json(files):
    config = seq2seq_config(files, generation=GenerationConfig(method="top_p", seed=4))
    assert config_from_json(config_to_json(config)) == config


def test_problems_are_found_before_any_work(files):
    config = seq2seq_config(
        files,
        label_smoothing=1.0,
        data_max_target_length=11,
        decoder_num_heads=3,
        generation=GenerationConfig(method="beams", max_length=12),
        train_metric="accuracy",
    )
    with pytest.raises(UserError) as raised:
        check_config(config)
    named = [line.split(":")[0].strip() for line in str(raised.value).splitlines()[1:]]
    assert sorted(named) == sorted(
        [
            "--config.label_smoothing must be in [0, 1), got 1.0",
            "--config.data",
            "--config.decoder",
            "--config.generation",
            "--config.generation",
            "--config.train",
        ]
    )

"""Whole pretraining runs of a tiny encoder."""

import json

import keras
import numpy as np
import pytest
from tiny_runs import pretrain_config, write_files

from keras_bert_cls.modeling.trained_model import TrainedModel
from keras_bert_cls.training.evaluate_run import ScoredFiles, evaluate_run
from keras_bert_cls.training.pretrain import pretrain

NO_DROPOUT = {"encoder_dropout": 0.0, "encoder_attention_dropout": 0.0}


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("files")
    write_files(folder)
    return folder


def weights(folder) -> dict[str, np.ndarray]:
    model = keras.saving.load_model(folder / "model.keras")
    return {variable.path: variable.numpy() for variable in model.trainable_variables}


def metrics(folder, kind="train") -> list[dict]:
    lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    return [line for line in lines if line["kind"] == kind]


@pytest.mark.parametrize("pair_objective", ["none", "sop"])
def test_learns_and_is_scored_alike_afterwards(files, tmp_path, pair_objective):
    config = pretrain_config(
        files,
        data_dev_files=(f"{files}/prose.txt",),
        data_pair_objective=pair_objective,
        encoder_num_layers=1,
        encoder_initializer_stddev=0.3,
        optimizer_learning_rate=0.03,
        train_steps=60,
        train_log_every=5,
        train_eval_every=60,
        train_checkpoint_every=60,
    )
    reports: list[str] = []
    trained = pretrain(config, tmp_path, reports.append)
    assert [report.split(":")[0] for report in reports] == ["train", "dev"]
    train, (dev,) = metrics(tmp_path), metrics(tmp_path, "dev")
    assert train[-1]["loss"] < 0.9 * train[0]["loss"]
    expected = {"loss", "masked_accuracy"}
    if pair_objective != "none":
        expected.add("pair_accuracy")
    assert expected == set(dev) - {"step", "kind"}
    assert expected <= set(train[0])
    assert trained.settings == TrainedModel.load(tmp_path).settings
    # bertcls-evaluate masks the same tokens as the run did.
    scores = evaluate_run(tmp_path, ScoredFiles((f"{files}/prose.txt",)))
    assert scores.values == pytest.approx({name: dev[name] for name in expected}, abs=1e-6)
    assert scores.labels == ()


def test_accumulation_over_uneven_masks_changes_no_result(files, tmp_path):
    for pieces in (1, 4):
        config = pretrain_config(
            files,
            data_pair_objective="nsp",
            encoder_num_layers=1,
            train_steps=8,
            train_accumulation=pieces,
            **NO_DROPOUT,
        )
        pretrain(config, tmp_path / str(pieces))
    one, other = weights(tmp_path / "1"), weights(tmp_path / "4")
    assert one.keys() == other.keys()
    for path, value in one.items():
        np.testing.assert_allclose(value, other[path], rtol=0, atol=1e-6, err_msg=path)
    for first, second in zip(metrics(tmp_path / "1"), metrics(tmp_path / "4"), strict=True):
        for name in ("loss", "masked_accuracy", "pair_accuracy", "gradient_norm"):
            assert first[name] == pytest.approx(second[name], rel=1e-5), name


def test_skipped_lines_are_reported_and_a_finished_run_is_left_alone(files, tmp_path):
    broken = tmp_path / "broken.txt"
    broken.write_bytes((files / "prose.txt").read_bytes() + b"\xff film\n")
    config = pretrain_config(
        files,
        data_files=(str(broken),),
        data_on_bad_row="skip",
        encoder_num_layers=1,
        train_steps=1,
    )
    reports: list[str] = []
    pretrain(config, tmp_path / "run", reports.append)
    (report,) = reports
    assert "skipped 1 bad row" in report
    assert f"{broken}:" in report
    before = (tmp_path / "run/model.keras").stat().st_mtime_ns
    reports.clear()
    assert pretrain(config, tmp_path / "run", reports.append).settings.task == "masked_lm"
    assert reports == [
        f"{tmp_path}/run holds the finished run of this config: there is nothing left to do"
    ]
    assert (tmp_path / "run/model.keras").stat().st_mtime_ns == before

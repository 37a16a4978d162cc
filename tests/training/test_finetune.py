"""Whole fine-tuning runs of a tiny encoder."""

import json
import re

import keras
import numpy as np
import pytest
from tiny_runs import LABELS, finetune_config, write_files

from keras_bert_cls.data.batch_plan import BatchPlan
from keras_bert_cls.data.token_store import TokenStore
from keras_bert_cls.errors import UserError
from keras_bert_cls.modeling.trained_model import TrainedModel
from keras_bert_cls.training.config import METRICS
from keras_bert_cls.training.finetune import finetune
from keras_bert_cls.training.trainer import TrainingDivergedError

NO_DROPOUT = {"encoder_dropout": 0.0, "encoder_attention_dropout": 0.0, "head_dropout": 0.0}
NO_HELD_OUT = {"data_dev_files": (), "data_test_files": ()}
SMALL = {"encoder_num_layers": 1, **NO_HELD_OUT}


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("files")
    write_files(folder)
    return folder


def weights(folder) -> dict[str, np.ndarray]:
    model = keras.saving.load_model(folder / "model.keras")
    return {variable.path: variable.numpy() for variable in model.trainable_variables}


def largest_difference(one, other) -> float:
    assert one.keys() == other.keys()
    return max(float(np.abs(one[path] - other[path]).max()) for path in one)


def metrics(folder, kind="train") -> list[dict]:
    lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    return [line for line in lines if line["kind"] == kind]


TASKS = {
    "single_label": {
        "data_text_pair_column": "other",
        "data_max_length": 24,
        "head_class_weight": "balanced",
        "head_label_smoothing": 0.1,
        "optimizer_schedule": "cosine",
    },
    "multi_label": {
        "data_label_column": "labels",
        "head_class_weights": (("good", 2.0),),
        "train_max_tokens_per_batch": 112,
    },
    "regression": {"data_label_column": "value"},
}


@pytest.mark.parametrize("task", TASKS)
def test_tasks(files, tmp_path, task):
    config = finetune_config(
        files,
        data_task=task,
        encoder_num_layers=1,
        encoder_initializer_stddev=0.3,
        train_steps=150,
        train_log_every=15,
        train_eval_every=150,
        train_checkpoint_every=150,
        optimizer_learning_rate=0.03,
        **TASKS[task],
    )
    reports: list[str] = []
    result = finetune(config, tmp_path / "run", reports.append)
    rows = {"dev: 17 rows", "test: 13 rows", "train: 45 rows"}
    assert {report.split(",")[0] for report in reports} == rows
    losses = [line["loss"] for line in metrics(tmp_path / "run")]
    assert losses[-1] < 0.85 * losses[0]
    assert ("train_accuracy" in metrics(tmp_path / "run")[0]) == (task == "single_label")
    assert set(result.scores) == {"dev", "test"}
    assert set(result.scores["dev"].values) == set(METRICS[task])
    names = () if task == "regression" else LABELS
    assert tuple(score.label for score in result.scores["dev"].labels) == names
    loaded = TrainedModel.load(tmp_path / "run")
    assert loaded.settings.task == task
    assert loaded.settings.labels == names
    assert loaded.settings.text_pair == (task == "single_label")
    # The scores are those of the best evaluation.
    (dev,) = metrics(tmp_path / "run", "dev")
    assert result.scores["dev"].values == pytest.approx(
        {name: dev[name] for name in METRICS[task]}, abs=1e-6
    )


@pytest.mark.parametrize("task", ["multi_label", "regression"])
def test_biases_begin_where_the_targets_are(files, tmp_path, task):
    column = TASKS[task]["data_label_column"]
    config = finetune_config(
        files,
        data_task=task,
        data_label_column=column,
        encoder_num_layers=1,
        train_steps=1,
        optimizer_learning_rate=1e-9,
    )
    finetune(config, tmp_path / "run")
    header, *rows = (files / "train.tsv").read_text(encoding="utf-8").splitlines()
    values = [row.split("\t")[header.split("\t").index(column)] for row in rows]
    if task == "regression":
        expected = [np.mean([float(value) for value in values])]
    else:
        labels = [value.split(",") for value in values]
        counts = np.array([sum(label in each for each in labels) for label in LABELS])
        expected = np.log((counts + 1) / (len(rows) - counts + 1))
    bias = TrainedModel.load(tmp_path / "run").model.get_layer("logits").bias
    np.testing.assert_allclose(bias, expected, atol=1e-5)


@pytest.fixture(scope="module")
def plain(files, tmp_path_factory):
    """A finished run without dropout, and its config; 45 rows in batches of 8."""
    config = finetune_config(files, **SMALL, **NO_DROPOUT, head_class_weight="balanced")
    folder = tmp_path_factory.mktemp("plain")
    finetune(config, folder)
    return folder, config


def test_accumulation_changes_no_result(files, tmp_path, plain):
    folder, _ = plain
    # The short last batch of an epoch has a piece without rows.
    config = finetune_config(
        files, **SMALL, **NO_DROPOUT, head_class_weight="balanced", train_accumulation=4
    )
    finetune(config, tmp_path)
    assert largest_difference(weights(tmp_path), weights(folder)) < 1e-6
    for one, other in zip(metrics(tmp_path), metrics(folder), strict=True):
        for name in ("loss", "train_accuracy", "learning_rate", "gradient_norm"):
            assert one[name] == pytest.approx(other[name], abs=1e-5), name


@pytest.mark.parametrize("precision", ["mixed_bfloat16", "mixed_float16"])
def test_mixed_precision(files, tmp_path, plain, precision):
    folder, _ = plain
    config = finetune_config(
        files, **SMALL, **NO_DROPOUT, head_class_weight="balanced", train_precision=precision
    )
    result = finetune(config, tmp_path)
    mixed = metrics(tmp_path)
    for one, other in zip(mixed, metrics(folder), strict=True):
        assert one["loss"] == pytest.approx(other["loss"], rel=0.03)
    assert ("loss_scale" in mixed[0]) == (precision == "mixed_float16")
    # What is saved computes in float32.
    policies = {layer.dtype_policy.name for layer in result.trained.model.layers}
    assert policies == {"float32"}
    assert keras.config.dtype_policy().name == "float32"


def test_rates_by_layer_and_frozen_weights(files, tmp_path, plain):
    source, _ = plain
    config = finetune_config(
        files,
        init_from=str(source),
        **SMALL,
        **NO_DROPOUT,
        train_steps=1,
        optimizer_learning_rate=1e-3,
        optimizer_weight_decay=0.0,
        optimizer_epsilon=1e-12,
        optimizer_layer_decay=0.5,
        optimizer_rules=((r"^(token|segment)_embedding/", 0.0, 0.0), ("^logits/", 3.0, 0.0)),
    )
    finetune(config, tmp_path)
    before, after = weights(source), weights(tmp_path)
    moves = {path: np.abs(after[path] - before[path]).max() for path in before}
    # Adam's first step is the rate in every coordinate.
    expected = {"token_embedding": 0.0, "segment_embedding": 0.0, "position_embedding": 0.5e-3}
    expected |= {"embeddings_norm": 0.5e-3, "block_0": 1e-3, "pooler": 1e-3, "logits": 3e-3}
    assert {path.split("/")[0] for path in moves} == set(expected)
    for path, move in moves.items():
        assert move == pytest.approx(expected[path.split("/")[0]], rel=1e-3), path


def test_a_finished_run_is_left_alone(plain):
    folder, config = plain
    files_before = {path: path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()}
    reports: list[str] = []
    result = finetune(config, folder, reports.append)
    assert reports == [
        f"{folder} holds the finished run of this config: there is nothing left to do"
    ]
    assert {
        path: path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()
    } == files_before
    assert result.scores == {}
    found = {v.path: v.numpy() for v in result.trained.model.trainable_variables}
    assert largest_difference(found, weights(folder)) == 0.0


def test_a_lost_model_is_made_again_without_training(plain):
    folder, config = plain
    before, lines = weights(folder), (folder / "metrics.jsonl").read_text()
    (folder / "model.keras").unlink()
    finetune(config, folder)
    assert largest_difference(weights(folder), before) == 0.0
    assert (folder / "metrics.jsonl").read_text() == lines


def test_stops_early_and_keeps_the_best(files, tmp_path):
    config = finetune_config(
        files,
        encoder_num_layers=1,
        encoder_initializer_stddev=0.3,
        optimizer_learning_rate=0.05,
        optimizer_schedule="constant",
        train_steps=400,
        train_eval_every=10,
        train_patience=3,
        train_metric="loss",
    )
    result = finetune(config, tmp_path)
    dev = metrics(tmp_path, "dev")
    losses = [line["loss"] for line in dev]
    best = int(np.argmin(losses))
    assert len(dev) == best + 1 + 3 < 40
    manifest = json.loads(next(tmp_path.glob("checkpoints/best-*/manifest.json")).read_text())
    assert manifest["progress"]["best_step"] == dev[best]["step"]
    assert result.scores["dev"].values["loss"] == pytest.approx(losses[best], abs=1e-6)
    written = json.loads((tmp_path / "scores.json").read_text())
    assert written["dev"]["values"] == result.scores["dev"].values
    assert finetune(config, tmp_path).scores == result.scores


def test_divergence_names_rows_and_checkpoint(files, tmp_path):
    config = finetune_config(
        files,
        **SMALL,
        optimizer_learning_rate=1e30,
        optimizer_schedule="constant",
        optimizer_warmup_share=0.0,
        train_checkpoint_every=1,
    )
    with pytest.raises(TrainingDivergedError) as caught:
        finetune(config, tmp_path)
    message = str(caught.value)
    assert re.match(r"(the loss is (nan|inf)|a gradient is not finite) at step \d+\. Rows", message)
    step = int(re.search(r"at step (\d+)", message)[1])
    assert step > 1
    store = TokenStore(tmp_path / "data/train")
    rows = BatchPlan(store.lengths("token_ids"), 8, seed=3).rows_of_step(step - 1)
    # Row 0 stands in line 2, below the header.
    assert re.findall(rf"{files}/train\.tsv:(\d+)", message) == [str(row + 2) for row in rows]
    assert f"The last checkpoint is {tmp_path}/checkpoints/step-{step - 1:09d}. " in message
    assert not (tmp_path / "model.keras").exists()
    # It is no accident: the same command comes to the same end.
    with pytest.raises(TrainingDivergedError, match=f"at step {step}"):
        finetune(config, tmp_path)


def test_rows_that_were_left_out_and_cut_are_reported(files, tmp_path):
    reports: list[str] = []
    dev = (files / "train.tsv").read_text().splitlines(keepends=True)[:4]
    (tmp_path / "dev.tsv").write_text("".join(dev))
    config = finetune_config(
        files,
        encoder_num_layers=1,
        data_dev_files=(f"{tmp_path}/dev.tsv",),
        data_test_files=(),
        data_drop_held_out_texts=True,
        data_max_length=8,
        train_steps=1,
    )
    finetune(config, tmp_path / "run", reports.append)
    (train,) = [report for report in reports if report.startswith("train: ")]
    assert re.fullmatch(
        r"train: 42 rows, 3 left out \(their text stands in dev or test\), "
        r"\d+ truncated to the maximum length",
        train,
    )


def test_an_encoder_that_is_too_short_is_refused(files, tmp_path, plain):
    source, _ = plain
    config = finetune_config(files, init_from=str(source), data_max_length=30, **SMALL)
    with pytest.raises(UserError, match=f"max_length is 30, but the encoder of {source} has 24"):
        finetune(config, tmp_path)


def test_xla_changes_no_result(files, tmp_path, plain):
    folder, _ = plain
    config = finetune_config(
        files,
        **SMALL,
        **NO_DROPOUT,
        head_class_weight="balanced",
        encoder_pack_tokens=False,
        train_jit_compile=True,
        train_accumulation=2,
    )
    finetune(config, tmp_path)
    assert largest_difference(weights(tmp_path), weights(folder)) < 1e-5

"""A run that is killed with SIGKILL, again and again, ends as if nothing had happened."""

import random
import time

import pytest
from tiny_runs import finetune_config, pretrain_config, write_config, write_files
from whole_runs import Program, assert_same_end


@pytest.fixture
def files(tmp_path):
    write_files(tmp_path)
    return tmp_path


TRAIN = {
    "train_steps": 240,
    "train_log_every": 6,
    "train_eval_every": 35,
    "train_checkpoint_every": 20,
    "train_steps_per_call": 6,
}


def check(name: str, config, files, kills: int, seed: int) -> None:
    """Compares an uninterrupted run with one that is killed `kills` times."""
    path = write_config(files / "config.py", config)
    whole = Program(name, path, files / "whole")
    whole.finish()
    broken = Program(name, path, files / "broken")
    draw = random.Random(seed)
    for kill in range(kills):
        # Somewhere in the next part of the run; half of the kills while it saves.
        step = (kill + draw.random()) * 0.9 * config.train.steps / kills
        condition = broken.is_saving if kill % 2 else broken.has_logged
        assert broken.kill_when(lambda c=condition, s=step: c(s))
        assert not (broken.workdir / "model.keras").exists()
    broken.finish()
    assert_same_end(whole.workdir, broken.workdir)


def test_fine_tuning(files):
    config = finetune_config(
        files,
        **TRAIN,
        encoder_num_layers=1,
        train_metric="loss",
        train_accumulation=2,
        data_test_files=(),
    )
    assert config.encoder.dropout == config.head.dropout == 0.1
    check("finetune", config, files, kills=2, seed=1)


@pytest.mark.slow
def test_documents(files):
    config = finetune_config(
        files,
        **TRAIN,
        encoder_num_layers=1,
        encoder_max_sequence_length=8,
        documents_window_length=8,
        documents_overlap=2,
        documents_pooling="attention",
        train_accumulation=2,
        data_test_files=(),
    )
    check("finetune", config, files, kills=2, seed=8)


@pytest.mark.slow
def test_distillation(files):
    teacher = finetune_config(files, train_steps=4, data_dev_files=(), data_test_files=())
    Program("finetune", write_config(files / "teacher.py", teacher), files / "teacher").finish()
    config = finetune_config(
        files,
        **TRAIN,
        encoder_num_layers=1,
        distillation_teacher=str(files / "teacher"),
        distillation_unlabelled_files=(f"{files}/dev.tsv",),
        distillation_text_column="text",
    )
    check("finetune", config, files, kills=2, seed=6)


@pytest.mark.slow
@pytest.mark.parametrize("precision", ["float32", "mixed_float16"])
def test_training_aids(files, precision):
    config = finetune_config(
        files,
        **TRAIN,
        encoder_num_layers=1,
        train_precision=precision,
        aids_r_drop=1.0,
        aids_adversarial_epsilon=0.5,
        aids_ema_decay=0.9,
        aids_focal_gamma=2.0,
        classes_sampling_exponent=0.5,
    )
    check("finetune", config, files, kills=4, seed=7)


def test_pretraining(files):
    config = pretrain_config(files, **TRAIN, encoder_num_layers=1, train_max_tokens_per_batch=100)
    assert config.encoder.dropout == 0.1
    check("pretrain", config, files, kills=2, seed=2)


@pytest.mark.slow
@pytest.mark.parametrize("precision", ["float32", "mixed_bfloat16", "mixed_float16"])
def test_fine_tuning_killed_many_times(files, precision):
    config = finetune_config(
        files,
        **TRAIN,
        train_precision=precision,
        train_patience=100,
        train_max_tokens_per_batch=100,
        head_class_weight="balanced",
    )
    check("finetune", config, files, kills=8, seed=3)


@pytest.mark.slow
def test_pretraining_killed_many_times(files):
    config = pretrain_config(
        files,
        **TRAIN,
        data_dev_files=(f"{files}/prose.txt",),
        data_pair_objective="nsp",
        train_accumulation=2,
    )
    check("pretrain", config, files, kills=8, seed=4)


@pytest.mark.slow
def test_kills_at_any_time(files):
    path = write_config(files / "config.py", finetune_config(files, **TRAIN))
    whole = Program("finetune", path, files / "whole")
    start = time.monotonic()
    whole.finish()
    seconds = time.monotonic() - start
    broken = Program("finetune", path, files / "broken")
    draw = random.Random(5)
    for _ in range(8):
        # Also while it imports, reads, scores or writes the model.
        end = time.monotonic() + draw.random() * seconds
        broken.kill_when(lambda end=end: time.monotonic() > end)
    broken.finish()
    assert_same_end(whole.workdir, broken.workdir)


@pytest.mark.slow
def test_two_processes_agree_on_a_model_of_many_threads(files):
    # Wide enough for TensorFlow to share one matrix product out over threads.
    config = pretrain_config(
        files,
        encoder_hidden_dim=256,
        encoder_intermediate_dim=1024,
        encoder_max_sequence_length=128,
        data_max_length=128,
        train_batch_size=32,
        train_steps=60,
        train_accumulation=4,
    )
    path = write_config(files / "config.py", config)
    runs = [Program("pretrain", path, files / name) for name in ("one", "two")]
    for run in runs:
        run.finish()
    assert_same_end(*(run.workdir for run in runs))

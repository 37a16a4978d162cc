"""Configs are checked before any work, all problems at once."""

import pathlib

import pytest
from tiny_runs import finetune_config, pretrain_config

from keras_bert_cls.errors import UserError
from keras_bert_cls.training.config_check import check_config

FOLDER = pathlib.Path("data")


def problems(config) -> list[str]:
    with pytest.raises(UserError) as caught:
        check_config(config)
    first, *lines = str(caught.value).splitlines()
    assert first == "the config is wrong:"
    return [line.strip() for line in lines]


def test_good_configs_pass():
    check_config(finetune_config(FOLDER))
    check_config(pretrain_config(FOLDER))
    check_config(finetune_config(FOLDER, data_train_files=["a.tsv", "b.tsv"], encoder_dropout=0))


def test_all_problems_are_listed_at_once():
    config = finetune_config(
        FOLDER,
        seed=-1,
        data_train_files=(),
        data_max_length=30,
        encoder_num_heads=3,
        head_label_smoothing=1.0,
        optimizer_schedule="cosin",
        optimizer_beta_2=1.0,
        optimizer_clip_norm=-1.0,
        optimizer_rules=(("(", 1.0, 0.0), ("bias", -1.0, 0.0)),
        train_epochs=3,
        train_metric="acuracy",
        tokenizer_vocabulary="",
    )
    assert problems(config) == [
        "--config.data: train_files names no training data",
        "--config.encoder: hidden_dim must be a multiple of num_heads, got 8 and 3",
        "--config.head: label_smoothing must be in [0, 1), got 1.0",
        "--config.optimizer: schedule must be one of ('linear', 'cosine', 'constant'), got "
        "'cosin'. Did you mean 'cosine'?",
        "--config.optimizer: beta_2 must be in [0, 1), got 1.0",
        "--config.optimizer: clip_norm must be at least 0, got -1.0",
        "--config.optimizer: rules: '(' is no regular expression: missing ), unterminated "
        "subpattern at position 0",
        "--config.optimizer: rules: the multiple of 'bias' must be at least 0, got -1.0",
        "--config.train: give either epochs or steps, got 3 and 12",
        "--config.seed must be in [0, 2**32), got -1",
        "--config.train: metric must be one of ('accuracy', 'macro_f1', 'micro_f1', 'mcc', "
        "'loss'), got 'acuracy'. Did you mean 'accuracy'?",
        "--config.tokenizer: vocabulary names no file; bertcls-vocab makes one",
        "--config.data: max_length is 30, but the encoder has 24 positions "
        "(encoder.max_sequence_length)",
    ]


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"train_batch_size": "32"}, "train.batch_size must be int, got str '32'"),
        ({"train_batch_size": 32.0}, "train.batch_size must be int, got float 32.0"),
        ({"train_batch_size": True}, "train.batch_size must be int, got bool True"),
        ({"train_jit_compile": 1}, "train.jit_compile must be bool, got int 1"),
        (
            {"data_train_files": "a.tsv"},
            "data.train_files must be tuple[str, ...], got str 'a.tsv'",
        ),
        ({"data_text_column": 0}, "data.text_column must be str | None, got int 0"),
        (
            {"optimizer_rules": (("bias", 1.0),)},
            "optimizer.rules must be tuple[tuple[str, float, float], ...], got tuple "
            "(('bias', 1.0),)",
        ),
        ({"train": {"steps": 3}}, "train must be TrainConfig, got dict {'steps': 3}"),
    ],
)
def test_wrong_types_are_named(fields, problem):
    assert problems(finetune_config(FOLDER, **fields)) == [f"--config.{problem}"]


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"train_jit_compile": True}, "--config.train: jit_compile needs encoder.pack_tokens"),
        ({"data_dev_files": (), "train_patience": 2}, "--config.train: patience is given, but"),
        ({"data_dev_files": (), "train_metric": "mcc"}, "--config.train: metric is given, but"),
        (
            {"head_kind": "hierarchical"},
            "--config.head: kind 'hierarchical' needs data.label_path_separator",
        ),
        ({"head_kind": "ordinal"}, "--config.head: kind 'ordinal' needs data.ordered_labels"),
        ({"train_metric": "quadratic_kappa"}, "--config.train: metric must be one of"),
        (
            {"data_task": "regression", "head_label_smoothing": 0.1},
            "--config.head: label_smoothing is given, but a regression has no labels",
        ),
        (
            {"data_task": "regression", "head_class_weight": "balanced"},
            "--config.head: class_weight is given, but a regression has no labels",
        ),
        ({"data_task": "regression", "train_metric": "accuracy"}, "--config.train: metric must"),
        ({"init_layers": (0, 1)}, "--config.init_layers: blocks are chosen, but init_from names"),
        ({"init_from": "run", "init_layers": (1, 0)}, "--config.init_layers must be ascending"),
        ({"init_from": "run", "init_layers": (1, 1)}, "--config.init_layers must be ascending"),
        ({"init_from": "run", "init_layers": (-1, 1)}, "--config.init_layers must be ascending"),
        (
            {"distillation_unlabelled_files": ("a.txt",)},
            "--config.distillation: unlabelled_files: given, but teacher names no run",
        ),
        (
            {"distillation_weight": 0.9, "distillation_text_column": "zz"},
            "--config.distillation: text_column, weight: given, but teacher names no run",
        ),
        (
            {"distillation_teacher": "large", "distillation_header": True},
            "--config.distillation: header: given, but unlabelled_files names no texts",
        ),
        (
            {
                "distillation_teacher": "large",
                "distillation_unlabelled_files": ("a.txt",),
                "data_text_pair_column": "other",
            },
            "--config.distillation: text_pair_column is None, but that of data is 'other'",
        ),
        (
            {"distillation_teacher": "large", "distillation_temperature": 0.0},
            "--config.distillation: temperature must be over 0 and finite, got 0.0",
        ),
        (
            {"distillation_teacher": "large", "distillation_weight": 1.5},
            "--config.distillation: weight must be in (0, 1], got 1.5",
        ),
        (
            {
                "distillation_teacher": "large",
                "distillation_unlabelled_files": ("a.txt",),
                "distillation_file_format": "tvs",
            },
            "--config.distillation: file_format must be one of",
        ),
        (
            {"distillation_teacher": "large", "distillation_unlabelled_files": ("-",)},
            "--config.distillation: unlabelled_files must name files, which are read more than",
        ),
    ],
)
def test_what_does_not_go_together(fields, problem):
    (found,) = problems(finetune_config(FOLDER, **fields))
    assert found.startswith(problem)


@pytest.mark.parametrize("field", ["learning_rate", "warmup_share", "weight_decay", "epsilon"])
def test_nan_is_no_setting(field):
    (found,) = problems(pretrain_config(FOLDER, **{f"optimizer_{field}": float("nan")}))
    assert found.startswith(f"--config.optimizer: {field} must be")


def test_a_run_that_goes_on_from_another_needs_no_vocabulary():
    check_config(finetune_config(FOLDER, init_from="run", tokenizer_vocabulary=""))


def test_training_aids():
    config = finetune_config(
        FOLDER,
        aids_r_drop=-1.0,
        aids_adversarial_epsilon=float("inf"),
        aids_ema_decay=1.0,
        aids_focal_gamma=2.0,
        head_label_smoothing=0.1,
        classes_sampling_exponent=3.0,
        classes_effective_number_beta=0.9,
        classes_focus_sampling=2.0,
        distillation_teacher="large",
        distillation_pseudo_confidence=0.9,
        distillation_temperature=3.0,
    )
    assert problems(config) == [
        "--config.distillation: pseudo_confidence is given, but unlabelled_files names no texts",
        "--config.distillation: temperature is of soft labels: it can't be given with "
        "pseudo_confidence",
        "--config.classes: sampling_exponent must be in [-1, 2], got 3.0",
        "--config.classes: give either sampling_exponent or effective_number_beta",
        "--config.classes: focus_sampling is given, but focus_classes names no label",
        "--config.aids: r_drop must be at least 0 and finite, got -1.0",
        "--config.aids: adversarial_epsilon must be at least 0 and finite, got inf",
        "--config.aids: ema_decay must be in [0, 1), got 1.0",
        "--config.aids: focal_gamma says how sure a model may be, and so does "
        "head.label_smoothing: give one of them",
    ]


def test_training_aids_that_would_have_no_effect():
    config = finetune_config(
        FOLDER,
        aids_r_drop=1.0,
        encoder_dropout=0.0,
        encoder_attention_dropout=0.0,
        head_dropout=0.0,
        data_task="multi_label",
        classes_sampling_exponent=0.5,
        classes_focus_classes=("good",),
        distillation_teacher="large",
        distillation_pseudo_weight=0.5,
    )
    assert problems(config) == [
        "--config.distillation: pseudo_weight is given, but pseudo_confidence is 0",
        "--config.classes: focus_classes need a focus_sampling or focus_loss_weight other than 1",
        "--config.aids: r_drop compares two draws of dropout, but dropout, attention_dropout of "
        "encoder and dropout of head are all 0",
        "--config.classes: sampling_exponent and effective_number_beta need rows of one label "
        "each; data.task is multi_label",
    ]
    regression = finetune_config(
        FOLDER,
        data_task="regression",
        aids_focal_gamma=1.0,
        classes_focus_classes=("good",),
        classes_focus_sampling=2.0,
    )
    assert problems(regression) == [
        "--config.aids: focal_gamma is given, but a regression has no labels",
        "--config.classes: focus_classes is given, but a regression has no labels",
    ]

"""One process, two replicas and two workers train alike: the same weights, losses and scores."""

import numpy as np
import pytest
from tiny_runs import finetune_config, pretrain_config, write_config, write_files
from whole_runs import Program, read_lines, weights_of

STEPS = 20
TRAIN = {"train_steps": STEPS, "train_log_every": 1, "train_eval_every": 9}
FLAGS = {
    "one": ("--strategy=one",),
    "mirrored": ("--strategy=mirrored", "--devices=2"),
    "multi_worker": ("--strategy=multi_worker",),
}


@pytest.fixture
def files(tmp_path):
    write_files(tmp_path)
    return tmp_path


def run(name, config, files, strategy, steps) -> Program:
    """Runs a config under a strategy; dropout is on and gradients are clipped."""
    assert config.encoder.dropout == config.encoder.attention_dropout == 0.1
    path = write_config(files / f"{strategy}-config.py", config)
    program = Program(name, path, files / strategy, *FLAGS[strategy])
    if strategy == "multi_worker":
        program = program.on_workers(2, "--max_restarts=0")
    program.finish()
    lines = read_lines(program.workdir / "metrics.jsonl")
    assert [line["step"] for line in lines if line["kind"] == "train"] == list(range(1, steps + 1))
    return program


def check(name, config, files, steps=STEPS, tolerance=1e-5, relative=1e-4) -> None:
    """Compares runs under all strategies.

    Args:
      tolerance: of a weight.
      relative: of what is measured.
    """
    one = run(name, config, files, "one", steps)
    expected, expected_lines = weights_of(one.workdir), read_lines(one.workdir / "metrics.jsonl")
    norms = [line["gradient_norm"] for line in expected_lines if line["kind"] == "train"]
    assert max(norms) > config.optimizer.clip_norm
    for strategy in ("mirrored", "multi_worker"):
        other = run(name, config, files, strategy, steps)
        found = weights_of(other.workdir)
        difference = max(float(np.abs(found[path] - expected[path]).max()) for path in expected)
        assert difference <= tolerance, strategy
        lines = read_lines(other.workdir / "metrics.jsonl")
        for line, expected_line in zip(lines, expected_lines, strict=True):
            assert line.pop("kind") == expected_line["kind"]
            values = {name: expected_line[name] for name in line}
            assert line == pytest.approx(values, rel=relative, abs=1e-5), strategy


def test_fine_tuning(files):
    # 45 rows in batches of 8: the last of an epoch has 5, so that one replica gets padding rows.
    config = finetune_config(
        files,
        **TRAIN,
        optimizer_clip_norm=0.2,
        head_class_weight="balanced",
        head_label_smoothing=0.1,
        train_accumulation=2,
        data_test_files=(),
    )
    check("finetune", config, files)


@pytest.mark.slow
@pytest.mark.parametrize("pack_tokens", [True, False])
def test_documents(files, pack_tokens):
    # Up to three windows a row, so that the replicas' parts differ in windows as well as in tokens.
    config = finetune_config(
        files,
        **TRAIN,
        documents_window_length=8,
        documents_overlap=2,
        documents_pooling="attention",
        optimizer_clip_norm=0.2,
        encoder_max_sequence_length=8,
        encoder_pack_tokens=pack_tokens,
        train_accumulation=2,
        data_test_files=(),
    )
    check("finetune", config, files)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["hierarchical", "ordinal"])
def test_structured_labels(files, kind):
    names = {"bad": "rated/bad", "so": "rated/so", "good": "good"}
    structure = {"data_label_path_separator": "/"}
    if kind == "ordinal":
        names, structure = {"bad": "-1", "so": "0", "good": "1"}, {"data_ordered_labels": True}
    for split in ("train", "dev"):
        header, *rows = (files / f"{split}.tsv").read_text(encoding="utf-8").splitlines()
        fields = [row.split("\t") for row in rows]
        lines = ["\t".join([*row[:2], names[row[2]], *row[3:]]) for row in fields]
        (files / f"{split}.tsv").write_text("\n".join([header, *lines, ""]), encoding="utf-8")
    config = finetune_config(
        files,
        **TRAIN,
        **structure,
        head_kind=kind,
        optimizer_clip_norm=0.05,
        train_accumulation=2,
        data_test_files=(),
    )
    check("finetune", config, files)


@pytest.mark.slow
def test_adaptive_classifier(files):
    config = finetune_config(
        files,
        **TRAIN,
        head_kind="adaptive",
        adaptive_cutoffs=(1, 2),
        adaptive_div_value=2.0,
        optimizer_clip_norm=0.2,
        train_accumulation=2,
        data_test_files=(),
    )
    check("finetune", config, files)


@pytest.mark.slow
def test_adaptive_masked_lm(files):
    config = pretrain_config(
        files,
        **TRAIN,
        output="adaptive",
        adaptive_cutoffs=(4, 12),
        adaptive_div_value=2.0,
        optimizer_clip_norm=0.2,
        train_accumulation=2,
        data_dev_files=(f"{files}/prose.txt",),
    )
    check("pretrain", config, files)


@pytest.mark.slow
def test_distillation(files):
    teacher = finetune_config(files, train_steps=4, data_dev_files=(), data_test_files=())
    path = write_config(files / "teacher-config.py", teacher)
    Program("finetune", path, files / "teacher", *FLAGS["one"]).finish()
    # Half of the rows without a label: some replicas' parts have none with one.
    lines = (files / "train.tsv").read_text(encoding="utf-8").splitlines(keepends=True)
    (files / "train.tsv").write_text("".join(lines[:24]), encoding="utf-8")
    texts = [line.split("\t")[0] for line in lines[24:]]
    (files / "more.txt").write_text("\n".join(texts) + "\n", encoding="utf-8")
    config = finetune_config(
        files,
        **TRAIN,
        init_from=str(files / "teacher"),
        init_layers=(1,),
        optimizer_clip_norm=0.2,
        head_class_weight="balanced",
        train_accumulation=2,
        distillation_teacher=str(files / "teacher"),
        distillation_unlabelled_files=(f"{files}/more.txt",),
        data_test_files=(),
    )
    check("finetune", config, files)


@pytest.mark.slow
def test_training_aids(files):
    config = finetune_config(
        files,
        **TRAIN,
        optimizer_clip_norm=0.2,
        head_class_weight="balanced",
        train_accumulation=2,
        aids_r_drop=1.0,
        aids_adversarial_epsilon=0.5,
        aids_ema_decay=0.9,
        aids_focal_gamma=2.0,
        classes_sampling_exponent=0.5,
        data_test_files=(),
    )
    check("finetune", config, files)


@pytest.mark.slow
def test_lazy_embeddings(files):
    config = finetune_config(
        files,
        **TRAIN,
        optimizer_clip_norm=0.2,
        optimizer_lazy_embeddings=True,
        data_test_files=(),
    )
    check("finetune", config, files)


def test_pretraining(files):
    config = pretrain_config(
        files,
        **TRAIN,
        optimizer_clip_norm=0.2,
        data_dev_files=(f"{files}/prose.txt",),
        data_pair_objective="nsp",
        train_max_tokens_per_batch=100,
    )
    check("pretrain", config, files)


@pytest.mark.slow
def test_compiled(files):
    config = finetune_config(
        files, **TRAIN, optimizer_clip_norm=0.2, encoder_pack_tokens=False, train_jit_compile=True
    )
    check("finetune", config, files)


@pytest.mark.slow
@pytest.mark.parametrize("precision", ["mixed_bfloat16", "mixed_float16"])
def test_mixed_precision(files, precision):
    # bfloat16 keeps 8 bits: sums in another order differ in the third digit.
    config = finetune_config(
        files, **{**TRAIN, "train_steps": 6}, optimizer_clip_norm=0.2, train_precision=precision
    )
    check("finetune", config, files, steps=6, tolerance=2e-2, relative=1e-2)

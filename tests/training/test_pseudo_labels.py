"""Pseudo-labels against plain Python, and a tiny run that learns from them."""

import numpy as np
import pytest
from test_distillation import LABEL_COLUMNS, files, make_teacher, student_config, texts_of
from test_finetune import metrics

from keras_bert_cls.errors import UserError
from keras_bert_cls.inference import Classifier
from keras_bert_cls.training.finetune import finetune
from keras_bert_cls.training.pseudo_labels import pseudo_labels

__all__ = ["files"]  # a fixture
LOGITS = np.random.default_rng(4).normal(0, 2, (40, 3)).astype(np.float32)


def test_single_label():
    choices, sure = pseudo_labels(LOGITS, "single_label", 0.7)
    for row, (choice, is_sure) in enumerate(zip(choices, sure, strict=True)):
        odds = [np.exp(float(logit)) for logit in LOGITS[row]]
        assert choice == odds.index(max(odds))
        assert is_sure == (max(odds) / sum(odds) >= 0.7)
    assert 0 < sure.sum() < len(LOGITS)


def test_log_probabilities_are_logits_too():
    odds = np.exp(LOGITS.astype(np.float64))
    normalised = np.log(odds / odds.sum(-1, keepdims=True))
    for one, other in zip(
        pseudo_labels(LOGITS, "single_label", 0.7),
        pseudo_labels(normalised, "single_label", 0.7),
        strict=True,
    ):
        np.testing.assert_array_equal(one, other)


def test_multi_label_needs_every_yes_and_no():
    targets, sure = pseudo_labels(LOGITS, "multi_label", 0.7)
    for row, logits in enumerate(LOGITS.astype(float)):
        yes = [1 / (1 + np.exp(-logit)) for logit in logits]
        assert targets[row].tolist() == [float(p > 0.5) for p in yes]
        assert sure[row] == all(max(p, 1 - p) >= 0.7 for p in yes)
    assert 0 < sure.sum() < len(LOGITS)


@pytest.mark.parametrize(
    "task", ["single_label", pytest.param("multi_label", marks=pytest.mark.slow)]
)
def test_a_run_learns_from_what_the_teacher_is_sure_of(files, tmp_path, task):
    teacher = make_teacher(tmp_path / "teacher", task)
    unlabelled = texts_of(files)[-5:]
    predictions = Classifier.load(teacher).predict(unlabelled)
    certainties = []
    for prediction in predictions:
        values = prediction.probabilities.values()
        sure = [max(p, 1 - p) for p in values] if task == "multi_label" else [max(values)]
        certainties.append(min(sure))
    threshold = float(np.median(certainties)) - 1e-3
    taken = sum(certainty >= threshold for certainty in certainties)
    reports: list[str] = []
    config = student_config(
        files,
        teacher,
        task,
        data_label_column=LABEL_COLUMNS[task],
        distillation_pseudo_confidence=threshold,
        distillation_pseudo_weight=0.25,
        train_steps=0,
        train_epochs=1,
        train_batch_size=64,
        train_log_every=1,
    )
    finetune(config, tmp_path / "run", reports.append)
    assert any(f"pseudo-labels: {taken} of 5 unlabelled texts" in report for report in reports)
    # One update of all rows: 45 with a label, and those of the teacher.
    (line,) = metrics(tmp_path / "run")
    assert line["step"] == 1
    assert "teacher_agreement" not in line


def test_a_teacher_that_is_never_sure(files, tmp_path):
    teacher = make_teacher(tmp_path / "teacher")
    config = student_config(files, teacher, distillation_pseudo_confidence=1.0)
    with pytest.raises(UserError, match=r"probability of at least 1\.0: lower it"):
        finetune(config, tmp_path / "run")

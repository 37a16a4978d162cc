"""Runs that train some classes harder: weights, and what was before."""

import numpy as np
import pytest
from tiny_runs import LABELS, finetune_config, write_files

from keras_bert_cls.cli.score_table import before_table
from keras_bert_cls.data.labels import LabelSet
from keras_bert_cls.errors import UserError
from keras_bert_cls.training.before import run_before
from keras_bert_cls.training.class_weights import class_weights
from keras_bert_cls.training.classes_config import ClassesConfig
from keras_bert_cls.training.config import HeadConfig
from keras_bert_cls.training.finetune import finetune
from keras_bert_cls.training.metrics import LabelScore, Scores
from keras_bert_cls.training.scores_file import read_scores

FOCUS = {"classes_focus_classes": ("so",), "classes_focus_loss_weight": 2.0}
SHORT = {"train_steps": 2, "train_steps_per_call": 2, "encoder_num_layers": 1}


def test_loss_weights_are_multiplied():
    targets = np.array([0, 0, 0, 1, 1, 2])
    classes = ClassesConfig(focus_classes=("good",), focus_loss_weight=3.0)
    head = HeadConfig(class_weight="balanced", class_weights=(("bad", 5.0),))
    found = class_weights(head, LABELS, targets, 6, classes)
    assert found == pytest.approx([5.0, 3 * 6 / (3 * 2), 6 / 3])
    assert class_weights(HeadConfig(), LABELS, targets, 6, classes) == [1.0, 3.0, 1.0]
    with pytest.raises(UserError, match=r"focus_classes: 'god' is no label\. Did you mean 'good'"):
        class_weights(head, LABELS, targets, 6, ClassesConfig(focus_classes=("god",)))


def test_the_table():
    def scores(f1s, accuracy):
        labels = tuple(LabelScore(n, 0, 0, f1, 7) for n, f1 in zip(LABELS, f1s, strict=True))
        return Scores({"accuracy": accuracy}, labels)

    lines = before_table(scores([0.5, 0.25, 1], 0.6), scores([0.4, 0.75, 1], 0.7), ["good"])
    assert [line.split() for line in lines.splitlines()[-4:]] == [
        ["good", "*", "7", "0.2500", "0.7500", "+0.5000"],
        ["bad", "7", "0.5000", "0.4000", "-0.1000"],
        ["so", "7", "1.0000", "1.0000", "+0.0000"],
        ["accuracy", "0.6000", "0.7000", "+0.1000"],
    ]


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """A folder with the files and an earlier run."""
    folder = tmp_path_factory.mktemp("runs")
    write_files(folder)
    finetune(finetune_config(folder, **SHORT), folder / "first")
    return folder


def test_before_is_the_classifier_that_the_run_started_from(runs, tmp_path):
    config = finetune_config(runs, init_from=str(runs / "first"), **SHORT, **FOCUS)
    result = finetune(config, tmp_path / "run")
    assert result is not None
    assert result.before == read_scores(runs / "first/scores.json")
    # The finished run still knows.
    again = finetune(config, tmp_path / "run")
    assert again is not None
    assert again.before == result.before


@pytest.mark.slow
def test_before_is_another_run_with_a_tokenizer_of_its_own(runs, tmp_path):
    # Another order of words, and texts cut sooner: the rows must be read anew.
    first, second = tmp_path / "first", tmp_path / "second"
    words = (runs / "vocab.txt").read_text(encoding="utf-8").splitlines()
    other = tmp_path / "vocab.txt"
    other.write_text("\n".join([*words[:5], *words[:4:-1]]) + "\n", encoding="utf-8")
    vocabulary = {"tokenizer_vocabulary": str(other), "data_max_length": 8}
    finetune(finetune_config(runs, **SHORT, **vocabulary), first)
    config = finetune_config(runs, **SHORT, classes_focus_compare=str(first), **FOCUS)
    result = finetune(config, second)
    assert result is not None
    assert result.before == read_scores(first / "scores.json")
    assert sorted(path.name for path in (second / "data").iterdir()) == ["dev", "test", "train"]


def test_without_an_earlier_run_there_is_nothing_to_compare_with(tmp_path):
    reports: list[str] = []
    labels = LabelSet(LABELS)
    assert run_before(finetune_config(tmp_path), labels, reports.append) is None
    assert reports == []
    assert run_before(finetune_config(tmp_path, **FOCUS), labels, reports.append) is None
    assert "there will be no table of before and after" in reports[0]
    config = finetune_config(tmp_path, classes_focus_compare=str(tmp_path), **FOCUS)
    with pytest.raises(UserError, match="holds no finished model"):
        run_before(config, labels, reports.append)

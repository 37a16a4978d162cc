"""What is wrong with a data config is found before any work, all of it at once."""

import sys

import pytest

from keras_bert_cls.data.config import ClassificationData, PretrainingData
from keras_bert_cls.data.word_segmentation import load_segmenter
from keras_bert_cls.errors import UserError


def fields_of(problems):
    return sorted(problem.split()[0] for problem in problems)


def test_good_configs():
    assert not PretrainingData(files=("a.txt",), dev_files=("b.txt",)).problems()
    data = ClassificationData(train_files=("a.tsv",), text_column="0", label_column="1")
    assert not data.problems()


def test_pretraining_problems():
    config = PretrainingData(
        dev_files="b.txt",
        file_format="text",
        on_bad_row="ignore",
        max_length=7,
        pair_objective="sopp",
        word_segmenter="jeba",
    )
    problems = config.problems()
    assert fields_of(problems) == [
        "dev_files",
        "file_format",
        "files",
        "max_length",
        "on_bad_row",
        "pair_objective",
        "word_segmenter",
    ]
    assert any("Did you mean 'jieba'?" in problem for problem in problems)


def test_classification_problems():
    config = ClassificationData(
        train_files=("-",),
        dev_files="dev.tsv",
        text_column="text",
        text_pair_column="text",
        delimiter="||",
        task="multilabel",
        label_separator="",
        max_length=2,
        on_bad_row="x",
        unknown_label="y",
    )
    problems = config.problems()
    assert fields_of(problems) == [
        "delimiter",
        "dev_files",
        "label_column",
        "label_separator",
        "max_length",
        "on_bad_row",
        "task",
        "text_pair_column",
        "train_files",
        "unknown_label",
    ]
    assert any("Did you mean 'multi_label'?" in problem for problem in problems)
    assert fields_of(ClassificationData(label_column="x").problems()) == ["train_files"]


def test_segmenters():
    assert load_segmenter("none") is None
    pytest.importorskip("jieba")
    assert "".join(load_segmenter("jieba")("我们 去 playing!")) == "我们 去 playing!"


def test_a_missing_segmenter_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "jieba", None)
    with pytest.raises(UserError, match=r"pip install 'keras_bert_cls\[zh\]'"):
        load_segmenter("jieba")

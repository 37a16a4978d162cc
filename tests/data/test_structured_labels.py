"""Labels that are paths or levels, as they stand in files."""

import pytest

from keras_bert_cls.data.bad_rows import RowError
from keras_bert_cls.data.config import ClassificationData
from keras_bert_cls.data.label_structure import LabelStructure
from keras_bert_cls.data.readers import read_rows
from keras_bert_cls.data.targets import read_labels, target_of
from keras_bert_cls.errors import UserError


def data_of(folder, labels, **fields):
    lines = "".join(f"text {number}\t{label}\n" for number, label in enumerate(labels))
    (folder / "train.tsv").write_text("text\tlabel\n" + lines, encoding="utf-8")
    columns = {"text_column": "text", "label_column": "label"}
    return ClassificationData(train_files=(f"{folder}/train.tsv",), **columns, **fields)


def test_labels_are_the_leaves(tmp_path):
    config = data_of(tmp_path, ["b/x", "a/y/1", "b/x", "a/z", "c"], label_path_separator="/")
    assert read_labels(config).names == ("a/y/1", "a/z", "b/x", "c")
    assert config.label_structure == LabelStructure(path_separator="/")


def test_an_inner_node_is_no_label_and_the_error_says_where(tmp_path):
    config = data_of(tmp_path, ["b/x", "a/y/1", "a/y", "a"], label_path_separator="/")
    with pytest.raises(UserError, match=r"train.tsv:4: label 'a/y' is no leaf .* like 'a/y/1'\."):
        read_labels(config)
    config.unknown_label = "skip"
    labels = read_labels(config)
    assert labels.names == ("a/y/1", "b/x")
    targets = []
    for row in read_rows(config.train_files, config.table(config.train_files)):
        try:
            targets.append(target_of(row, config, labels))
        except RowError as error:
            targets.append(error.kind)
    assert targets == [1, 0, "inner label", "inner label"]


def test_a_broken_path_says_where(tmp_path):
    config = data_of(tmp_path, ["a/x", "a//y"], label_path_separator="/")
    with pytest.raises(UserError, match=r"train.tsv:3: label 'a//y' is no path: .*unknown_label"):
        read_labels(config)
    config.unknown_label = "skip"
    with pytest.raises(UserError, match="at least two labels"):
        read_labels(config)


def test_a_separator_that_no_label_has_is_refused(tmp_path):
    config = data_of(tmp_path, ["a/x", "a/y"], label_path_separator=":")
    with pytest.raises(UserError, match="no label holds label_path_separator ':'; one is 'a/x'"):
        read_labels(config)


def test_a_labels_file_may_not_hold_inner_nodes(tmp_path):
    (tmp_path / "labels.txt").write_text("a\na/x\nb\n")
    config = data_of(
        tmp_path, ["a/x"], label_path_separator="/", labels_file=f"{tmp_path}/labels.txt"
    )
    with pytest.raises(UserError, match=r"labels.txt: labels are leaves .* go on from 'a'"):
        read_labels(config)


def test_levels_need_an_order(tmp_path):
    config = data_of(tmp_path, ["10", "9", "-1"], ordered_labels=True)
    assert read_labels(config).names == ("-1", "9", "10")
    config = data_of(tmp_path, ["low", "high", "mid"], ordered_labels=True)
    with pytest.raises(UserError, match=r"order of the labels high, low, mid .* labels_file"):
        read_labels(config)
    (tmp_path / "labels.txt").write_text("low\nmid\nhigh\n")
    config.labels_file = f"{tmp_path}/labels.txt"
    assert read_labels(config).names == ("low", "mid", "high")


def test_structures_need_single_labels_and_exclude_each_other(tmp_path):
    config = data_of(tmp_path, ["a/x"], label_path_separator="/", ordered_labels=True)
    assert "labels are paths (label_path_separator) or ordered_labels, not both" in (
        config.problems()
    )
    config = data_of(tmp_path, ["1"], ordered_labels=True, task="regression")
    assert "ordered_labels goes with the task 'single_label', not 'regression'" in config.problems()
    config = data_of(tmp_path, ["a/x"], label_path_separator="/", task="multi_label")
    assert any(problem.startswith("label_path_separator goes") for problem in config.problems())

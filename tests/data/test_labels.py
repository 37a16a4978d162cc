"""Label sets and targets."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keras_bert_cls.data import labels as labels_module
from keras_bert_cls.data.bad_rows import BadRows, RowError
from keras_bert_cls.data.labels import (
    LabelSet,
    regression_value,
    rows_with_targets,
    split_labels,
)
from keras_bert_cls.data.readers import read_rows
from keras_bert_cls.data.rows import Row
from keras_bert_cls.data.table_spec import TableSpec
from keras_bert_cls.errors import UserError


def rows(*labels):
    return [Row("a.tsv", line, "text", None, label) for line, label in enumerate(labels, 1)]


@pytest.mark.parametrize(
    ("labels", "names"),
    [
        (["pos", "neg", "pos", "中性"], ("neg", "pos", "中性")),
        (["10", "9", "-1", "9"], ("-1", "9", "10")),
        (["10", "9", "x"], ("10", "9", "x")),
        (["1", "01", "0"], ("0", "01", "1")),
        (["1.5", "10.5", "9"], ("1.5", "10.5", "9")),
    ],
)
def test_collected_labels_have_a_stable_order(labels, names):
    assert LabelSet.from_rows(rows(*labels)).names == names
    assert LabelSet.from_rows(rows(*reversed(labels))).names == names


def test_collected_labels_of_multi_label_rows():
    labels = LabelSet.from_rows(rows("b, a", ("c", "a"), ()), separator=",")
    assert labels.names == ("a", "b", "c")


@settings(max_examples=50, deadline=None)
@given(
    st.lists(
        st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\n"), min_size=1)
        .map(str.strip)
        .filter(bool),
        min_size=1,
        unique=True,
    )
)
def test_a_saved_label_set_is_read_back(tmp_path_factory, names):
    path = tmp_path_factory.mktemp("labels") / "labels.txt"
    labels = LabelSet(names)
    labels.save(path)
    if names[0].startswith("\ufeff"):
        return  # a byte order mark at the start of a file is none of the label's
    assert LabelSet.from_file(path).names == tuple(names)
    assert [labels.id_of(name, "a:1") for name in names] == list(range(len(names)))


def test_a_labels_file_with_its_marks(tmp_path):
    path = tmp_path / "labels.txt"
    path.write_bytes("\ufeffpos\r\nne\u2028g \r\n\r\n".encode())
    assert LabelSet.from_file(path).names == ("pos", "ne\u2028g")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"a\nb\na\n", "labels.txt:3: label 'a' stands in line 1 already"),
        (b"a\n\nb\n", "labels.txt:2: the line is empty"),
        (b"", "labels.txt: the file is empty"),
        (b"\n\n", "labels.txt: the file is empty"),
        (b"a\n\xff\n", "labels.txt:2: not UTF-8"),
    ],
)
def test_a_wrong_labels_file(tmp_path, content, words):
    path = tmp_path / "labels.txt"
    path.write_bytes(content)
    with pytest.raises(UserError) as caught:
        LabelSet.from_file(path)
    assert words in str(caught.value)


def test_a_missing_labels_file(tmp_path):
    (tmp_path / "labels.txt").write_text("a\n")
    with pytest.raises(UserError, match=r"label\.txt: no such file\. Did you mean 'labels\.txt'\?"):
        LabelSet.from_file(tmp_path / "label.txt")


@pytest.mark.parametrize("names", [[], ["a", "a"], [""], [" a"], ["a\nb"]])
def test_names_that_make_no_label_set(names):
    with pytest.raises(UserError, match="label"):
        LabelSet(names)


def test_an_unknown_label_names_the_line_and_the_closest():
    labels = LabelSet(["positive", "negative"])
    words = r"^a\.tsv:7: label 'postive' is not among the 2 labels\. Did you mean 'positive'\?$"
    with pytest.raises(RowError, match=words):
        labels.id_of("postive", "a.tsv:7")


@pytest.mark.parametrize(("label", "kind"), [(None, "missing label"), (("a", "b"), "wrong type")])
def test_a_single_label_is_one_string(label, kind):
    with pytest.raises(RowError, match="a:1: ") as caught:
        LabelSet(["a", "b"]).id_of(label, "a:1")
    assert caught.value.kind == kind


def test_ids_of_multi_label_rows():
    labels = LabelSet(["a", "b", "c d"])
    assert labels.ids_of("c d, a,a", "x:1") == (0, 2)
    assert labels.ids_of(("b", "a"), "x:1") == (0, 1)
    assert labels.ids_of((), "x:1") == ()
    assert labels.ids_of("b|a", "x:1", separator="|") == (0, 1)
    with pytest.raises(RowError, match="x:1: label 'e' is not among the 3 labels"):
        labels.ids_of("a,e", "x:1")
    for label in ("a,,b", "a,", "", None):
        with pytest.raises(RowError, match="x:1: a label is missing"):
            split_labels(label, "x:1")


@settings(max_examples=50, deadline=None)
@given(st.floats(allow_nan=False, allow_infinity=False))
def test_regression_values_are_read_back(value):
    read = regression_value(repr(value), "a:1")
    assert read == value
    assert math.copysign(1, read) == math.copysign(1, value)


@pytest.mark.parametrize("label", ["nan", "inf", "-Infinity", "1e999", "1,5", "good"])
def test_a_regression_value_is_a_finite_number(label):
    with pytest.raises(RowError, match=rf"a:1: expected a finite number, got '{label}'"):
        regression_value(label, "a:1")


def test_unknown_labels_are_skipped_and_counted():
    labels = LabelSet(["a", "b"])
    bad_rows = BadRows("skip", option="unknown_label")
    pairs = rows_with_targets(
        rows("b", "x", "a", "y"), lambda row: labels.id_of(row.label, row.where), bad_rows
    )
    assert [(row.line, target) for row, target in pairs] == [(1, 1), (3, 0)]
    assert bad_rows.counts == {"unknown label": 2}
    assert "a.tsv:2: label 'x'" in bad_rows.summary()


def test_targets_are_right_however_many_labels_there_are(monkeypatch):
    monkeypatch.setattr(labels_module, "_TARGETS_KEPT", 2)
    given, bad_rows = ["b", "c", "x", "a", "b", "x", "a", "c"], BadRows("skip")
    labels = LabelSet(["a", "b", "c"])
    pairs = rows_with_targets(
        rows(*given), lambda row: labels.id_of(row.label, row.where), bad_rows
    )
    assert [(row.line, row.label, target) for row, target in pairs] == [
        (line, label, "abc".index(label)) for line, label in enumerate(given, 1) if label != "x"
    ]
    assert [message.split(": ")[0] for message in bad_rows.examples["unknown label"]] == [
        "a.tsv:3",
        "a.tsv:6",
    ]


def test_an_unknown_label_in_a_file_stops_and_says_how_to_skip(tmp_path):
    path = tmp_path / "a.tsv"
    path.write_text("good\tpos\nbad\tngo\n")
    labels = LabelSet(["neg", "pos"])
    pairs = rows_with_targets(
        read_rows(path, TableSpec(text_column=0, label_column=1)),
        lambda row: labels.id_of(row.label, row.where),
        BadRows(option="unknown_label"),
    )
    assert next(pairs)[1] == 1
    with pytest.raises(UserError, match=r"a\.tsv:2: label 'ngo' .*with unknown_label=skip\."):
        next(pairs)

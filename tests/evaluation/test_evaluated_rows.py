"""Rows to evaluate, and what they are sliced by."""

import json

import pytest

from keras_bert_cls.data.config import ClassificationData
from keras_bert_cls.errors import UserError
from keras_bert_cls.evaluation.evaluated_rows import (
    OUT_OF_SCOPE,
    read_evaluated_rows,
    what_was_read,
)
from keras_bert_cls.evaluation.repeated_texts import duplicates, in_training_data

LABELS = ("bad", "good")
TABLE = ClassificationData(text_column="text", label_column="label")


def write(path, *lines):
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return str(path)


@pytest.fixture
def tsv(tmp_path):
    return write(
        tmp_path / "rows.tsv",
        "text\tlabel\tdomain\tyear",
        "a b\tgood\tfilm\t2001",
        "c d\tbad\t\t2002",
        "e f\toos\tfood\t2001",
        "A  b\tbad\tfilm\t2001",
    )


def read(file, labels=LABELS, table=TABLE, **options):
    return read_evaluated_rows((file,), table, labels, **options)


def test_rows_of_no_label_and_slices(tsv):
    rows = read(tsv, slice_columns=("domain", "year", "3"), out_of_scope_label="oos")
    assert rows.texts == ["a b", "c d", "e f", "A  b"]
    assert rows.text_pairs is None
    assert rows.targets.tolist() == [1, 0, OUT_OF_SCOPE, 0]
    assert rows.in_scope.tolist() == [True, True, False, True]
    assert rows.slices["domain"].tolist() == ["film", "(none)", "food", "film"]
    assert rows.slices["year"].tolist() == rows.slices["3"].tolist()
    taken = rows.take(rows.in_scope)
    assert taken.texts == ["a b", "c d", "A  b"]
    assert taken.slices["year"].tolist() == ["2001", "2002", "2001"]
    assert what_was_read(rows) == "data: 4 rows, 1 of them out of scope"


def test_jsonl_pairs_multi_label_and_skipped_rows(tmp_path):
    lines = [
        {"text": "a", "other": "x", "label": ["good", "bad"], "tags": ["u", "v"]},
        {"text": "b", "other": "y", "label": []},
        {"text": "c", "other": "z", "label": ["odd"]},
    ]
    file = write(tmp_path / "rows.jsonl", *map(json.dumps, lines))
    table = ClassificationData(
        text_column="text",
        text_pair_column="other",
        label_column="label",
        task="multi_label",
        unknown_label="skip",
    )
    rows = read(file, table=table, slice_columns=("tags", "other"))
    assert rows.text_pairs == ["x", "y"]
    assert rows.targets.tolist() == [[1, 1], [0, 0]]
    assert rows.slices["tags"].tolist() == ["u, v", "(none)"]
    assert rows.slices["other"].tolist() == ["x", "y"]
    assert "skipped 1 bad row" in what_was_read(rows)


def test_values(tmp_path):
    file = write(tmp_path / "rows.csv", "text,label", "a,1.5", "b,-2")
    rows = read(
        file,
        (),
        ClassificationData(text_column="0", label_column="1", header=True, task="regression"),
    )
    assert rows.targets.tolist() == [1.5, -2]
    assert rows.in_scope.all()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {},
            r"rows.tsv:4: label 'oos' is not among the 2 labels.* give it as --out_of_scope_label",
        ),
        ({"out_of_scope_label": "good"}, "is one of the model's own labels"),
        ({"out_of_scope_label": "oos", "slice_columns": ("domian",)}, "Did you mean 'domain'"),
        ({"out_of_scope_label": "oos", "slice_columns": ("text",)}, "--slice_column text"),
        ({"out_of_scope_label": "bad", "labels": ("good", "oos"), "slice_columns": ("9",)}, "'9'"),
    ],
)
def test_what_users_get_wrong(tsv, options, message):
    with pytest.raises(UserError, match=message):
        read(tsv, **{"labels": LABELS, **options})


def test_a_column_that_no_json_object_has(tmp_path):
    file = write(tmp_path / "rows.jsonl", json.dumps({"text": "a", "label": "good"}))
    with pytest.raises(UserError, match=r"--slice_column domain: no row has a value"):
        read(file, slice_columns=("domain",))


def test_no_row_in_scope(tmp_path):
    file = write(tmp_path / "rows.tsv", "text\tlabel", "a\toos")
    with pytest.raises(UserError, match="no row with a label of the model"):
        read(file, out_of_scope_label="oos")


def test_values_have_no_scope(tmp_path):
    table = ClassificationData(text_column="text", label_column="label", task="regression")
    with pytest.raises(UserError, match="give each row one label"):
        read("any.tsv", (), table, out_of_scope_label="oos")


def test_the_standard_input_cannot_be_sliced():
    with pytest.raises(UserError, match="give a file instead of -"):
        read("-", slice_columns=("domain",))


def test_duplicates(tsv):
    found = duplicates(read(tsv, out_of_scope_label="oos").rows)
    assert (found["rows"], found["texts"], found["contradicting"]) == (1, 1, 1)
    assert found["groups"] == [
        {
            "text": "a b",
            "text_pair": None,
            "where": [f"{tsv}:2", f"{tsv}:5"],
            "labels": ["good", "bad"],
        }
    ]


def test_contradictions_come_first_and_triples_count_twice(tmp_path):
    lines = ["x\tgood", "x\tgood", "x\tgood", "y\tgood", "y\tbad"]
    rows = read(write(tmp_path / "rows.tsv", "text\tlabel", *lines)).rows
    found = duplicates(rows)
    assert (found["rows"], found["texts"], found["contradicting"]) == (3, 2, 1)
    assert [group["text"] for group in found["groups"]] == ["y", "x"]


def test_what_the_model_was_trained_on(tmp_path, tsv):
    train = write(tmp_path / "train.tsv", "text\tlabel", "C D\tbad", "e f\tgood", "new\tgood")
    held_out = write(tmp_path / "test.tsv", "text\tlabel", "e f\tgood")
    config = ClassificationData(
        train_files=(train,), test_files=(held_out,), text_column="text", label_column="label"
    )
    rows = read(tsv, out_of_scope_label="oos").rows
    assert in_training_data(rows, config).tolist() == [False, True, True, False]
    config.drop_held_out_texts = True
    assert in_training_data(rows, config).tolist() == [False, True, False, False]
    config.test_files = (str(tmp_path / "gone.tsv"),)
    assert in_training_data(rows, config) is None
    config.drop_held_out_texts = False
    config.train_files = (str(tmp_path / "gone*.tsv"),)
    assert in_training_data(rows, config) is None

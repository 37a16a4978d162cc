"""Rows of parquet files."""

import sys

import pytest

from keras_bert_cls.data.bad_rows import BadRows
from keras_bert_cls.data.readers import iterate_texts, read_rows
from keras_bert_cls.data.table_spec import TableSpec
from keras_bert_cls.errors import UserError

pyarrow = pytest.importorskip("pyarrow")
parquet = pytest.importorskip("pyarrow.parquet")


def write(path, columns, **options):
    parquet.write_table(pyarrow.table(columns), path, **options)
    return path


def test_rows_by_name_and_by_index(tmp_path):
    count = 3000  # more than a batch, several row groups
    texts = [f"第{index}\n行\u2028" for index in range(count)]
    path = write(
        tmp_path / "a.parquet",
        {"id": range(count), "text": texts, "label": [index % 7 for index in range(count)]},
        row_group_size=700,
    )
    for spec in (
        TableSpec(text_column="text", label_column="label"),
        TableSpec(text_column=1, label_column="2"),
    ):
        rows = list(read_rows(path, spec))
        assert [row.text for row in rows] == texts
        assert [row.label for row in rows] == [str(index % 7) for index in range(count)]
        assert [row.line for row in rows] == list(range(1, count + 1))
    assert list(iterate_texts(path, "text")) == texts


def test_kinds_of_columns(tmp_path):
    path = write(
        tmp_path / "a.parquet",
        {
            "bytes": [b"a", "文".encode()],
            "category": pyarrow.array(["x", "y"]).dictionary_encode(),
            "list": [["p", "q"], []],
            "score": [0.5, 2.0],
        },
    )
    for column, labels in (
        ("category", ["x", "y"]),
        ("list", [("p", "q"), ()]),
        ("score", ["0.5", "2.0"]),
    ):
        rows = list(read_rows(path, TableSpec(text_column="bytes", label_column=column)))
        assert [(row.text, row.label) for row in rows] == list(
            zip(["a", "文"], labels, strict=True)
        )


@pytest.mark.parametrize(
    ("texts", "labels", "kind"),
    [
        (["x", None, "z"], ["1", "1", "2"], "empty text"),
        (["x", "y", "z"], [1.0, None, 2.0], "missing label"),
        (["x", "y", "z"], [1.0, float("nan"), 2.0], "missing label"),
        (pyarrow.array([b"x", b"\xff", b"z"]).view("string"), ["1", "1", "2"], "broken encoding"),
        ([b"x", b"\xff", b"z"], ["1", "1", "2"], "broken encoding"),
    ],
)
def test_a_bad_record_is_named_by_its_number(tmp_path, texts, labels, kind):
    path = write(tmp_path / "a.parquet", {"text": texts, "label": labels})
    spec = TableSpec(text_column="text", label_column="label")
    with pytest.raises(UserError, match=r"a\.parquet:2: the "):
        list(read_rows(path, spec))
    bad_rows = BadRows("skip")
    assert [row.text for row in read_rows(path, spec, bad_rows)] == ["x", "z"]
    assert bad_rows.counts == {kind: 1}


def test_a_column_that_is_not_there(tmp_path):
    path = write(tmp_path / "a.parquet", {"sentence": ["x"]})
    with pytest.raises(UserError, match=r"a\.parquet: no column 'sentense'.*'sentence'\?"):
        list(read_rows(path, TableSpec(text_column="sentense")))
    with pytest.raises(UserError, match=r"text_column is not given. The columns are 'sentence'"):
        list(read_rows(path, TableSpec()))


def test_a_damaged_file(tmp_path):
    path = write(tmp_path / "a.parquet", {"text": ["x"] * 1000})
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(UserError, match=r"a\.parquet:1: the parquet file cannot be read further"):
        list(iterate_texts(path, "text"))


def test_without_pyarrow_the_error_says_how_to_install_it(tmp_path, monkeypatch):
    path = write(tmp_path / "a.parquet", {"text": ["x"]})
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(UserError, match=r"pip install 'keras_bert_cls\[data\]'"):
        list(iterate_texts(path, "text"))

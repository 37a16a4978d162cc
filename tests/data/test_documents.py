"""Documents of running text."""

import csv
import gzip
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keras_bert_cls.data.bad_rows import BadRows
from keras_bert_cls.data.documents import Document, iterate_documents
from keras_bert_cls.errors import UserError

LINES = st.text(
    st.one_of(
        st.sampled_from(" \u2028\u0085文字ab."),
        st.characters(exclude_categories=("Cs",), exclude_characters="\r\n\ufeff"),
    ),
    min_size=1,
    max_size=10,
).filter(str.strip)
DOCUMENTS = st.lists(st.lists(LINES, min_size=1, max_size=4), min_size=1, max_size=5)


@settings(max_examples=50, deadline=None)
@given(
    DOCUMENTS, st.sampled_from(["\n", "\r\n"]), st.sampled_from(["", " ", "\u3000\t"]), st.data()
)
def test_blank_lines_separate_documents(tmp_path_factory, documents, end, blank, data):
    path = tmp_path_factory.mktemp("documents") / "a.txt"
    expected, text, line = [], "", 1
    for lines in documents:
        blanks = data.draw(st.integers(1, 3)) if text else 0
        text += (blank + end) * blanks + "".join(one + end for one in lines)
        line += blanks
        numbers = tuple(range(line, line + len(lines)))
        expected.append(Document(str(path), numbers, tuple(lines)))
        line += len(lines)
    path.write_bytes(text.encode())
    assert list(iterate_documents(path)) == expected


@settings(max_examples=50, deadline=None)
@given(DOCUMENTS, st.integers(1, 25))
def test_parts_are_short_and_hold_every_character_once(tmp_path_factory, documents, length):
    path = tmp_path_factory.mktemp("documents") / "a.txt"
    path.write_text("\n\n".join("\n".join(lines) for lines in documents), encoding="utf-8")
    parts = list(iterate_documents(path, maximum_characters=length))
    assert all(sum(map(len, part.lines)) <= length for part in parts)
    assert "".join("".join(part.lines) for part in parts) == "".join(
        "".join(lines) for lines in documents
    )
    line_of_text = {
        (number, text)
        for document in iterate_documents(path)
        for number, text in zip(document.line_numbers, document.lines, strict=True)
    }
    for part in parts:
        for number, piece in zip(part.line_numbers, part.lines, strict=True):
            assert any(number == line and piece in text for line, text in line_of_text)


def test_a_document_is_cut_between_lines_where_possible(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("aaaa\nbbbb\ncc\n" + "d" * 23 + "\ne\n\nf\n")
    assert [(d.line_numbers, d.lines) for d in iterate_documents(path, maximum_characters=10)] == [
        ((1, 2, 3), ("aaaa", "bbbb", "cc")),
        ((4,), ("d" * 10,)),
        ((4,), ("d" * 10,)),
        ((4, 5), ("ddd", "e")),
        ((7,), ("f",)),
    ]


def test_one_document_per_line(tmp_path):
    path = tmp_path / "a.txt.gz"
    path.write_bytes(gzip.compress(b"one\n\ntwo\nthree"))
    assert list(iterate_documents(path, one_document_per_line=True)) == [
        Document(str(path), (1,), ("one",)),
        Document(str(path), (3,), ("two",)),
        Document(str(path), (4,), ("three",)),
    ]


def test_rows_of_tables_are_documents(tmp_path):
    texts = ["one\r\ntwo\n\nthree", "four"]
    jsonl, table = tmp_path / "a.jsonl", tmp_path / "b.csv"
    jsonl.write_text("".join(json.dumps({"text": text}) + "\n" for text in texts))
    with open(table, "w", newline="") as stream:
        csv.writer(stream).writerows([("id", "text"), *((1, text) for text in texts)])
    assert list(iterate_documents([jsonl, table], "text")) == [
        Document(str(jsonl), (1, 1, 1), ("one", "two", "three")),
        Document(str(jsonl), (2,), ("four",)),
        Document(str(table), (2, 2, 2), ("one", "two", "three")),
        Document(str(table), (6,), ("four",)),
    ]


def test_documents_of_parquet(tmp_path):
    pyarrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    path = tmp_path / "a.parquet"
    parquet.write_table(pyarrow.table({"text": ["one\ntwo", "three"]}), path)
    assert list(iterate_documents(path, "text")) == [
        Document(str(path), (1, 1), ("one", "two")),
        Document(str(path), (2,), ("three",)),
    ]


def test_a_document_does_not_run_into_the_next_file(tmp_path):
    for name in ("a.txt", "b.txt"):
        (tmp_path / name).write_text("line\n")
    assert len(list(iterate_documents(str(tmp_path / "*.txt")))) == 2


def test_errors_name_the_line_or_are_counted(tmp_path):
    path = tmp_path / "a.txt"
    path.write_bytes(b"one\n\xff\ntwo\n")
    with pytest.raises(UserError, match=r"a\.txt:2: not UTF-8"):
        list(iterate_documents(path))
    bad_rows = BadRows("skip")
    (document,) = iterate_documents(path, bad_rows=bad_rows)
    assert document == Document(str(path), (1, 3), ("one", "two"))
    assert bad_rows.counts == {"broken encoding": 1}
    with pytest.raises(UserError, match="maximum_characters must be at least 1, got 0"):
        iterate_documents(path, maximum_characters=0)

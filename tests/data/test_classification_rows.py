"""Labelled files -> a token store."""

import json

import numpy as np
import pytest
from small_vocabulary import VOCABULARY

from keras_bert_cls.data import classification_rows
from keras_bert_cls.data.classification_rows import (
    build_classification_store,
    held_out_texts,
    read_labels,
)
from keras_bert_cls.data.config import ClassificationData
from keras_bert_cls.data.sequence_columns import describe_sources
from keras_bert_cls.data.text_keys import text_key
from keras_bert_cls.data.token_store import TokenStore
from keras_bert_cls.errors import UserError
from keras_bert_cls.text.tokenizer import Tokenizer

TOKENIZER = Tokenizer(VOCABULARY)


def write_rows(path, *rows):
    path.write_text("".join("\t".join(map(str, row)) + "\n" for row in rows), encoding="utf-8")
    return str(path)


def config_of(*train, **changes):
    fields = {"text_column": "text", "label_column": "label", "max_length": 16, **changes}
    return ClassificationData(train_files=train, **fields)


def build(folder, config, files=None, **changes):
    labels = read_labels(config)
    files = files or config.train_files
    return build_classification_store(folder, files, config, TOKENIZER, labels, **changes)


def tokens_of(store, row):
    return [VOCABULARY.tokens[token_id] for token_id in store.row("token_ids", row)]


@pytest.fixture(autouse=True, params=[2048, 2], ids=["one chunk", "many chunks"])
def chunk(request, monkeypatch):
    monkeypatch.setattr(classification_rows, "_CHUNK", request.param)


def test_single_label(tmp_path):
    path = write_rows(
        tmp_path / "a.tsv",
        ("label", "text"),
        ("z", "the movie"),
        ("负面", "天气很好"),
        ("a", "Playing the ∞!"),
        ("z", "a"),
    )
    config = config_of(path)
    labels = read_labels(config)
    assert labels.names == ("a", "z", "负面")
    store = build(tmp_path / "new" / "store", config)
    assert len(store) == 4
    assert [tokens_of(store, row) for row in range(4)] == [
        ["[CLS]", "the", "movie", "[SEP]"],
        ["[CLS]", *"天气很好", "[SEP]"],
        ["[CLS]", "play", "##ing", "the", "[UNK]", "!", "[SEP]"],
        ["[CLS]", "a", "[SEP]"],
    ]
    assert store.values("first_length").tolist() == [4, 6, 7, 3]
    assert store.values("target").tolist() == [1, 2, 0, 1]
    assert store.values("target").dtype == np.int32
    assert store.description == {"left_out": 0, "truncated": 0, "sources": [path], "skipped": ""}
    where = describe_sources([path], store.values("file"), store.values("line"))
    assert where == [f"{path}:{line}" for line in (2, 3, 4, 5)]


def test_integer_labels_are_sorted_by_value(tmp_path):
    path = write_rows(tmp_path / "a.tsv", ("text", "label"), *(("a", n) for n in (10, 9, -1)))
    assert read_labels(config_of(path)).names == ("-1", "9", "10")


def test_labels_file(tmp_path):
    path = write_rows(tmp_path / "a.tsv", ("text", "label"), ("a", "x"), ("b", "y"))
    (tmp_path / "labels.txt").write_text("y\nnone\nx\n")
    config = config_of(path, labels_file=str(tmp_path / "labels.txt"))
    assert read_labels(config).names == ("y", "none", "x")
    assert build(tmp_path / "store", config).values("target").tolist() == [2, 0]


def test_one_label_is_too_few(tmp_path):
    path = write_rows(tmp_path / "a.tsv", ("text", "label"), ("a", "x"), ("b", "x"))
    with pytest.raises(UserError, match=r"a\.tsv: expected at least two labels, found only 'x'"):
        read_labels(config_of(path))
    (tmp_path / "labels.txt").write_text("y\n")
    config = config_of(path, labels_file=str(tmp_path / "labels.txt"))
    with pytest.raises(UserError, match=r"labels\.txt: expected at least two labels"):
        read_labels(config)


def test_pairs_and_truncation(tmp_path):
    path = write_rows(
        tmp_path / "a.tsv",
        ("text", "second", "label"),
        ("a b", "c d e", 0),
        ("a b c d e f", "g", 1),
        ("a b", "c d e f", 1),
        ("a b c d", "e f g h", 0),
    )
    config = config_of(path, text_pair_column="second", max_length=8)
    store = build(tmp_path / "store", config)
    assert [" ".join(tokens_of(store, row)) for row in range(4)] == [
        "[CLS] a b [SEP] c d e [SEP]",
        "[CLS] a b c d [SEP] g [SEP]",
        "[CLS] a b [SEP] c d e [SEP]",
        "[CLS] a b c [SEP] e f [SEP]",
    ]
    assert store.values("first_length").tolist() == [4, 6, 4, 5]
    assert store.description["truncated"] == 3


def test_truncation_of_single_texts(tmp_path):
    rows = [(" ".join("abcdefgh"[:count]), count % 2) for count in range(1, 9)]
    path = write_rows(tmp_path / "a.tsv", ("text", "label"), *rows)
    store = build(tmp_path / "store", config_of(path, max_length=8))
    assert np.asarray(store.lengths("token_ids")).tolist() == [3, 4, 5, 6, 7, 8, 8, 8]
    assert store.description["truncated"] == 2
    assert tokens_of(store, 7) == ["[CLS]", *"abcdef", "[SEP]"]


def test_held_out_texts_are_left_out_of_training(tmp_path):
    train = write_rows(
        tmp_path / "train.tsv",
        ("text", "second", "label"),
        ("a", "b", 0),
        ("a", "c", 1),
        ("b", "a", 1),
        ("D", "d ", 0),
        ("d", "d", 1),
    )
    dev = write_rows(tmp_path / "dev.tsv", ("text", "second", "label"), ("a", "b", 1))
    test = write_rows(tmp_path / "test.tsv", ("text", "second", "label"), ("d", "d", 0))
    config = config_of(train, dev_files=(dev,), test_files=(test,), text_pair_column="second")
    texts = held_out_texts(config)
    assert texts == {text_key("a", "b"), text_key("d", "d")}
    store = build(tmp_path / "store", config, leave_out=texts)
    assert store.values("line").tolist() == [3, 4]
    assert store.description["left_out"] == 3
    assert held_out_texts(config_of(train)) == set()
    assert len(build(tmp_path / "dev_store", config, config.dev_files)) == 1


def test_bad_rows_stop_or_are_skipped_and_reported(tmp_path):
    path = write_rows(
        tmp_path / "a.tsv", ("text", "label"), ("a", "x"), ("", "x"), ("b", ""), ("c", "y")
    )
    with pytest.raises(UserError, match=r"a\.tsv:3: the text is empty.*on_bad_row=skip"):
        build(tmp_path / "store", config_of(path))
    store = build(tmp_path / "store", config_of(path, on_bad_row="skip"))
    assert store.values("line").tolist() == [2, 5]
    report = store.description["skipped"]
    assert "skipped 2 bad rows" in report
    assert f"{path}:3" in report and f"{path}:4" in report


def test_unknown_labels_stop_or_are_skipped_and_reported(tmp_path):
    train = write_rows(tmp_path / "a.tsv", ("text", "label"), ("a", "good"), ("b", "bad"))
    dev = write_rows(tmp_path / "d.tsv", ("text", "label"), ("a", "godd"), ("c", "bad"))
    config = config_of(train, dev_files=(dev,))
    message = r"d\.tsv:2: label 'godd' is not among the 2 labels\. Did you mean 'good'\?.*unknown_l"
    with pytest.raises(UserError, match=message):
        build(tmp_path / "dev", config, (dev,))
    assert not TokenStore.exists(tmp_path / "dev")
    config.unknown_label = "skip"
    store = build(tmp_path / "dev", config, (dev,))
    assert store.values("line").tolist() == [3]
    assert "1 × unknown label" in store.description["skipped"]


def test_no_row_is_left(tmp_path):
    train = write_rows(tmp_path / "a.tsv", ("text", "label"), ("a", "x"), ("b", "y"))
    dev = write_rows(tmp_path / "d.tsv", ("text", "label"), ("a", "z"))
    config = config_of(train, dev_files=(dev,), unknown_label="skip")
    with pytest.raises(UserError, match=r"no row is left in .*d\.tsv\. skipped 1 bad row"):
        build(tmp_path / "dev", config, (dev,))
    assert not TokenStore.exists(tmp_path / "dev")


def test_multi_label(tmp_path):
    path = write_rows(
        tmp_path / "a.tsv",
        ("text", "label"),
        ("a", "sport|news"),
        ("b", "news"),
        ("c", "art | sport|art"),
    )
    config = config_of(path, task="multi_label", label_separator="|")
    assert read_labels(config).names == ("art", "news", "sport")
    store = build(tmp_path / "store", config)
    assert store.is_ragged("target")
    assert [store.row("target", row).tolist() for row in range(3)] == [[1, 2], [1], [0, 2]]


def test_multi_label_lists(tmp_path):
    path = tmp_path / "a.jsonl"
    rows = [("a", ["x", "y"]), ("b", []), ("c", ["y"])]
    path.write_text("".join(json.dumps({"text": t, "label": n}) + "\n" for t, n in rows))
    store = build(tmp_path / "store", config_of(str(path), task="multi_label"))
    assert [store.row("target", row).tolist() for row in range(3)] == [[0, 1], [], [1]]
    assert np.asarray(store.lengths("target")).tolist() == [2, 0, 1]


@pytest.mark.parametrize(
    ("task", "bad", "kind"),
    [("multi_label", "x,,y", "missing label"), ("single_label", ["x", "y"], "wrong type")],
)
def test_labels_of_no_use_stop_or_are_skipped(tmp_path, task, bad, kind):
    """Also while the labels are collected."""
    path = tmp_path / "a.jsonl"
    rows = [("a", "x"), ("b", bad), ("c", "y")]
    path.write_text("".join(json.dumps({"text": t, "label": n}) + "\n" for t, n in rows))
    with pytest.raises(UserError, match=r"a\.jsonl:2: .*unknown_label=skip"):
        read_labels(config_of(str(path), task=task))
    config = config_of(str(path), task=task, unknown_label="skip")
    assert read_labels(config).names == ("x", "y")
    store = build(tmp_path / "store", config)
    assert store.values("line").tolist() == [1, 3]
    assert f"1 × {kind}" in store.description["skipped"]


def test_regression(tmp_path):
    path = write_rows(tmp_path / "a.tsv", ("text", "label"), ("a", "0.1"), ("b", "-3"), ("c", 1e3))
    config = config_of(path, task="regression")
    assert read_labels(config) is None
    store = build(tmp_path / "store", config)
    assert store.values("target").dtype == np.float32
    np.testing.assert_array_equal(store.values("target"), np.array([0.1, -3, 1000], np.float32))

    write_rows(tmp_path / "a.tsv", ("text", "label"), ("a", "0.1"), ("b", "much"))
    with pytest.raises(UserError, match=r"a\.tsv:3: expected a finite number, got 'much'"):
        build(tmp_path / "store", config)


def test_several_files(tmp_path):
    paths = [
        write_rows(tmp_path / f"{name}.tsv", ("text", "label"), *(("a", n) for n in "xyx"))
        for name in "ba"
    ]
    store = build(tmp_path / "store", config_of(*paths))
    assert store.description["sources"] == paths
    assert store.values("file").tolist() == [0, 0, 0, 1, 1, 1]
    assert store.values("line").tolist() == [2, 3, 4] * 2


def test_tokens_are_stored_in_the_smallest_dtype(tmp_path):
    path = write_rows(tmp_path / "a.tsv", ("text", "label"), ("a", "x"), ("b", "y"))
    assert build(tmp_path / "store", config_of(path)).values("token_ids").dtype == np.uint16

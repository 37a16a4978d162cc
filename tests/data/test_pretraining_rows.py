"""Documents -> a token store of sequences."""

import itertools
import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from small_vocabulary import LETTERS, VOCABULARY

from keras_bert_cls.data import pretraining_rows, tokenized_lines
from keras_bert_cls.data.config import PretrainingData
from keras_bert_cls.data.pretraining_rows import build_pretraining_store
from keras_bert_cls.data.token_store import TokenStore
from keras_bert_cls.errors import UserError
from keras_bert_cls.text.tokenizer import Tokenizer

TOKENIZER = Tokenizer(VOCABULARY)
CLS, SEP = VOCABULARY.cls_id, VOCABULARY.sep_id


def build(folder, *files, **changes):
    config = PretrainingData(files=tuple(map(str, files)), **{"max_length": 12, **changes})
    return build_pretraining_store(folder / "store", config.files, config, TOKENIZER)


def tokens_of(store, row):
    return " ".join(VOCABULARY.tokens[token_id] for token_id in store.row("token_ids", row))


def text_file(folder, text, name="a.txt"):
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


LINES = st.lists(st.sampled_from([*LETTERS, "playing", "天", "∞"]), min_size=1, max_size=20)
DOCUMENTS = st.lists(st.lists(LINES, min_size=1, max_size=5), min_size=1, max_size=5)


@settings(max_examples=50, deadline=None)
@given(
    DOCUMENTS, st.integers(8, 24), st.sampled_from(["none", "sop", "nsp"]), st.sampled_from([2, 99])
)
def test_nothing_is_lost_and_nothing_is_mixed(
    tmp_path_factory, documents, max_length, objective, chunk
):
    folder = tmp_path_factory.mktemp("rows")
    lines = [[" ".join(words) for words in document] for document in documents]
    path = text_file(folder, "\n\n".join("\n".join(document) for document in lines))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pretraining_rows, "_CHUNK", chunk)
        patch.setattr(tokenized_lines, "_CHUNK", chunk)
        store = build(folder, path, max_length=max_length, pair_objective=objective)
    pairs = objective != "none"
    room = max_length - (3 if pairs else 2)
    rows = iter(range(len(store)))
    first_line = 1
    for document in lines:
        sizes = [len(TOKENIZER.tokens_of(line)) for line in document]
        line_of_token = np.repeat(np.arange(len(sizes)), sizes)
        left = list(itertools.chain.from_iterable(map(TOKENIZER.tokens_of, document)))
        done = 0
        while left:
            row = next(rows)
            ids = store.row("token_ids", row)
            assert len(ids) <= max_length
            first = store.values("first_length")[row]
            a = ids[1 : first - 1] if pairs else ids[1:-1]
            b = ids[first:-1] if pairs else ids[:0]
            frame = [CLS, *a, SEP, *b, SEP] if pairs else [CLS, *a, SEP]
            assert ids.tolist() == frame and first == len(a) + 2
            tokens = [VOCABULARY.tokens[token_id] for token_id in (*a, *b)]
            assert tokens == left[: len(tokens)]
            assert store.values("line")[row] == first_line + line_of_token[done]
            left, done = left[len(tokens) :], done + len(tokens)
            if left:  # full: the rest of the next line would not go in
                rest = int((line_of_token[done:] == line_of_token[done]).sum())
                assert len(tokens) + min(rest, room) > room
        first_line += len(document) + 1
    assert next(rows, None) is None


def test_sequences_of_documents(tmp_path):
    path = text_file(tmp_path, "a b c\nd e\nf g h a b c\n\nthe movie\n\n\nplay\n")
    store = build(tmp_path, path)
    assert [tokens_of(store, row) for row in range(len(store))] == [
        "[CLS] a b c d e [SEP]",
        "[CLS] f g h a b c [SEP]",
        "[CLS] the movie [SEP]",
        "[CLS] play [SEP]",
    ]
    assert store.values("line").tolist() == [1, 3, 5, 8]
    assert store.values("first_length").tolist() == [7, 8, 4, 3]
    assert store.description == {"sources": [str(path)], "skipped": ""}
    assert "word_starts" not in store


def test_a_long_line_is_cut(tmp_path):
    path = text_file(tmp_path, " ".join("abcdefgh") + "\nthe\n")
    store = build(tmp_path, path, max_length=8)
    assert [tokens_of(store, row) for row in range(len(store))] == [
        "[CLS] a b c d e f [SEP]",
        "[CLS] g h the [SEP]",
    ]
    assert store.values("line").tolist() == [1, 1]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a b\nc d\ne f g", "[CLS] a b c d [SEP] e f g [SEP]"),
        ("a b\nc\nd e f g", "[CLS] a b c [SEP] d e f g [SEP]"),
        ("a b c d e", "[CLS] a b [SEP] c d e [SEP]"),
        ("a", "[CLS] [SEP] a [SEP]"),
    ],
)
def test_pairs_are_split_between_lines_in_the_middle(tmp_path, text, expected):
    store = build(tmp_path, text_file(tmp_path, text), pair_objective="sop")
    assert tokens_of(store, 0) == expected


def test_one_document_per_line(tmp_path):
    store = build(tmp_path, text_file(tmp_path, "a\nb\n\nc d"), one_document_per_line=True)
    assert [tokens_of(store, row) for row in range(len(store))] == [
        "[CLS] a [SEP]",
        "[CLS] b [SEP]",
        "[CLS] c d [SEP]",
    ]
    assert store.values("line").tolist() == [1, 2, 4]


def test_rows_of_tables_are_documents(tmp_path):
    path = tmp_path / "a.jsonl"
    texts = ["a b\nc d e f g h\na b c", "d"]
    path.write_text("".join(json.dumps({"text": text}) + "\n" for text in texts))
    plain = text_file(tmp_path, "e\n" * 3, "b.txt")
    store = build(tmp_path, path, plain, text_column="text", max_length=10)
    assert [tokens_of(store, row) for row in range(len(store))] == [
        "[CLS] a b c d e f g h [SEP]",
        "[CLS] a b c [SEP]",
        "[CLS] d [SEP]",
        "[CLS] e e e [SEP]",
    ]
    # All lines of a document in a table stand in its one row.
    assert store.values("line").tolist() == [1, 1, 2, 1]
    assert store.values("file").tolist() == [0, 0, 0, 1]
    assert store.description["sources"] == [str(path), str(plain)]


def test_lines_without_tokens_are_passed_over(tmp_path):
    store = build(tmp_path, text_file(tmp_path, "a\n\u200b\nb\n"))
    assert [tokens_of(store, row) for row in range(len(store))] == ["[CLS] a b [SEP]"]


def test_errors_name_the_line_or_are_reported(tmp_path):
    path = tmp_path / "a.txt"
    path.write_bytes(b"a\n\xff\nb\n")
    with pytest.raises(UserError, match=r"a\.txt:2: not UTF-8.*on_bad_row=skip"):
        build(tmp_path, path)
    assert not TokenStore.exists(tmp_path / "store")
    store = build(tmp_path, path, on_bad_row="skip")
    assert tokens_of(store, 0) == "[CLS] a b [SEP]"
    assert f"{path}:2" in store.description["skipped"]


def test_lines_after_a_skipped_one_keep_their_numbers(tmp_path):
    path = tmp_path / "a.txt"
    path.write_bytes(b"a b c d e\n\xff\ne f g h a b\nc d e f g h a\n")
    store = build(tmp_path, path, on_bad_row="skip")
    assert store.values("line").tolist() == [1, 3, 4]


def test_no_text_is_left(tmp_path):
    with pytest.raises(UserError, match=r"no text is left in .*a\.txt"):
        build(tmp_path, text_file(tmp_path, "\n\u200b\n"))
    assert not TokenStore.exists(tmp_path / "store")


def words_of(store, row):
    """The tokens of each word of a sequence, by its word starts; the frame is no part of words."""
    ids, starts = store.row("token_ids", row), store.row("word_starts", row)
    assert len(ids) == len(starts) and set(starts.tolist()) <= {0, 1}
    words = []
    for token_id, starts_word in zip(ids, starts, strict=True):
        token = VOCABULARY.tokens[token_id]
        if starts_word or words[-1] == "[SEP]":
            words.append(token)
        else:
            words[-1] += f" {token}"
    return words


def with_segmenter(monkeypatch, segmenter):
    monkeypatch.setattr(pretraining_rows, "load_segmenter", lambda name: segmenter)


def test_words_of_a_segmenter(tmp_path, monkeypatch):
    cuts = {
        "今天天气很好": ["今天", "天气", "很", "好"],
        "我们 playing!": ["我们", " ", "playing", "!"],
    }
    with_segmenter(monkeypatch, cuts.__getitem__)
    store = build(tmp_path, text_file(tmp_path, "\n".join(cuts)), max_length=16)
    assert words_of(store, 0) == [
        "[CLS]",
        *("今 天", "天 气", "很", "好", "我 们", "play ##ing", "!"),
        "[SEP]",
    ]


def test_pieces_decide_where_a_segmenter_cuts_a_word_differently(tmp_path, monkeypatch):
    cuts = {
        "今天 playing": ["今天", " ", "play", "ing"],
        "今天": ["今天"],
    }
    with_segmenter(monkeypatch, cuts.__getitem__)
    store = build(tmp_path, text_file(tmp_path, "\n".join(cuts)))
    assert words_of(store, 0) == ["[CLS]", "今", "天", "play ##ing", "今 天", "[SEP]"]


def test_words_survive_cutting_and_pairs(tmp_path, monkeypatch):
    with_segmenter(monkeypatch, lambda text: [text[i : i + 3] for i in range(0, len(text), 3)])
    path = text_file(tmp_path, "我们去爬山吧今天天气")
    store = build(tmp_path, path, max_length=9, pair_objective="sop")
    assert [words_of(store, row) for row in range(len(store))] == [
        ["[CLS]", "我 们 去", "[SEP]", "爬 山 吧", "[SEP]"],
        ["[CLS]", "今 天", "[SEP]", "天", "气", "[SEP]"],
    ]


def test_jieba_words(tmp_path):
    jieba = pytest.importorskip("jieba")
    text = "今天天气很好,我们去爬山吧!新闻标题"
    store = build(tmp_path, text_file(tmp_path, text), max_length=32, word_segmenter="jieba")
    assert words_of(store, 0) == ["[CLS]", *(" ".join(w) for w in jieba.lcut(text)), "[SEP]"]
    assert "我 们" in words_of(store, 0)

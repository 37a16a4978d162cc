"""Texts and targets -> a token store -> batches."""

import numpy as np
import pytest
from small_vocabulary import VOCABULARY

from keras_bert_cls.data.batch_source import Shard
from keras_bert_cls.data.seq2seq_batches import Seq2SeqBatches, pair_lengths
from keras_bert_cls.data.seq2seq_config import Seq2SeqData
from keras_bert_cls.data.seq2seq_rows import build_seq2seq_store, held_out_sources
from keras_bert_cls.errors import UserError
from keras_bert_cls.text.tokenizer import Tokenizer

TOKENIZER = Tokenizer(VOCABULARY)
PAD, CLS, SEP = VOCABULARY.pad_id, VOCABULARY.cls_id, VOCABULARY.sep_id


def write_rows(path, *rows):
    lines = [("text", "target"), *rows]
    path.write_text("".join("\t".join(row) + "\n" for row in lines), encoding="utf-8")
    return str(path)


def config_of(*files, **changes):
    fields = {"text_column": "text", "target_column": "target", "max_length": 16, **changes}
    return Seq2SeqData(train_files=files, **fields)


def build(folder, config, **changes):
    return build_seq2seq_store(folder / "store", config.train_files, config, TOKENIZER, **changes)


def ids_of(text):
    return TOKENIZER.tokenize([text]).values.numpy().tolist()


@pytest.fixture
def store(tmp_path):
    path = write_rows(
        tmp_path / "a.tsv", ("the movie", "天气"), ("天气很好", "the"), ("a", "the movie the movie")
    )
    return build(tmp_path, config_of(path, max_target_length=4))


def test_columns(store):
    assert store.row("token_ids", 0).tolist() == [CLS, *ids_of("the movie"), SEP]
    assert store.row("target_ids", 0).tolist() == ids_of("天气")
    assert store.row("target_ids", 2).tolist() == ids_of("the movie the movie")[:3]
    assert store.description["truncated"] == 1
    lengths = [len(store.row("token_ids", row)) for row in range(3)]
    targets = [len(store.row("target_ids", row)) + 1 for row in range(3)]
    np.testing.assert_array_equal(pair_lengths(store), np.add(lengths, targets))


def test_batches(store):
    batch = Seq2SeqBatches(store, VOCABULARY)(np.array([0, 1]), 0)
    weather, the = ids_of("天气"), ids_of("the")
    filled = [[*weather, SEP], [*the, SEP]]
    width = batch["target"].shape[1]
    assert width == 4  # that of the longest target of a run, where a multiple of 8 is more
    for row, target in enumerate(filled):
        padding = [PAD] * (width - len(target))
        assert batch["target"][row].tolist() == [*target, *padding]
        assert batch["decoder_token_ids"][row].tolist() == [CLS, *target[:-1], *padding]
        assert batch["target_weights"][row].tolist() == [1.0] * len(target) + [0.0] * len(padding)
    assert batch["token_ids"].shape == (2, 8)


def test_parts_of_a_batch_are_the_batch(store):
    batches, rows = Seq2SeqBatches(store, VOCABULARY), np.array([2, 0, 1])
    whole = batches(rows, 0, Shard(0, 1, 2))
    parts = [batches(rows, 0, Shard(worker, 2, 2)) for worker in range(2)]
    for name, values in whole.items():
        joined = np.concatenate([part[name] for part in parts])
        np.testing.assert_array_equal(joined, values)
    assert whole["target_weights"].sum(axis=1).tolist() == [4, 3, 2, 0]


def test_texts_of_dev_are_left_out(tmp_path):
    train = write_rows(tmp_path / "a.tsv", ("the movie", "a"), ("The  movie", "the"), ("天", "a"))
    dev = write_rows(tmp_path / "b.tsv", ("THE MOVIE", "another target"))
    config = config_of(train, dev_files=(dev,))
    store = build(tmp_path, config, leave_out=held_out_sources(config))
    assert len(store) == 1 and store.description["left_out"] == 2


def test_bad_rows(tmp_path):
    path = write_rows(tmp_path / "a.tsv", ("the movie", "a"), ("the", " "))
    with pytest.raises(UserError, match=r"a\.tsv:3"):
        build(tmp_path, config_of(path))
    store = build(tmp_path, config_of(path, on_bad_row="skip"))
    assert len(store) == 1 and "1" in store.description["skipped"]
    with pytest.raises(UserError, match="no row is left"):
        only_bad = write_rows(tmp_path / "b.tsv", ("the", " "))
        build(tmp_path, config_of(only_bad, on_bad_row="skip"))


def test_problems_of_the_config():
    config = Seq2SeqData(text_column="a", max_length=2, max_target_length=1, on_bad_row="stop")
    named = {problem.split()[0] for problem in config.problems()}
    assert named == {
        "train_files",
        "target_column",
        "max_length",
        "max_target_length",
        "on_bad_row",
    }
    (same,) = config_of("f", target_column="text").problems()
    assert "text_column" in same and "target_column" in same

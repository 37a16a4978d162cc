"""Lengths in tokens."""

import numpy as np
from labelled_files import config_of, found, one, sound_rows, write_tsv

from keras_bert_cls.data.classification_rows import build_classification_store, read_labels
from keras_bert_cls.data_check.check import check_data
from keras_bert_cls.data_check.finding import Severity
from keras_bert_cls.text.tokenizer import Tokenizer
from keras_bert_cls.text.vocabulary import Vocabulary

WORDS = ("a", "b", "c", "好", "number", "plain", "film")
TOKENIZER = Tokenizer(Vocabulary(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *WORDS]))


def test_what_is_cut_is_what_training_cuts(tmp_path):
    random = np.random.default_rng(3)
    rows = [
        (" ".join(random.choice(WORDS, random.integers(1, 30))), "xy"[n % 2]) for n in range(99)
    ]
    train = write_tsv(tmp_path / "train.tsv", rows)
    config = config_of(train, max_length=16)
    report = check_data(config, TOKENIZER)
    store = build_classification_store(
        tmp_path / "store", config.train_files, config, TOKENIZER, read_labels(config)
    )
    assert one(report, "truncation").count == store.description["truncated"]
    tokens = sorted(len(text.split()) + 2 for text, _ in rows)
    assert report.splits["train"].lengths["100"] == tokens[-1]
    assert report.splits["train"].lengths["50"] == tokens[49]
    assert report.splits["train"].cut["16"] == sum(n > 16 for n in tokens) / 99
    assert report.splits["train"].cut["32"] == 0
    longest = max(range(99), key=lambda n: len(rows[n][0].split()))
    assert one(report, "truncation").examples[0] == f"{train}:{longest + 2}: {tokens[-1]} tokens"
    assert "--config.data.max_length=32" in one(report, "truncation").remedy


def test_pairs_have_three_special_tokens(tmp_path):
    rows = [("a b", "c", "x"), ("a", "b b b", "y")]
    train = write_tsv(tmp_path / "train.tsv", rows, ("text", "second", "label"))
    report = check_data(config_of(train, text_pair_column="second"), TOKENIZER)
    assert report.splits["train"].lengths == {"50": 6, "90": 7, "95": 7, "99": 7, "100": 7}


def test_unknown_tokens_and_texts_without_tokens(tmp_path):
    rows = [*sound_rows(30), ("\u200b\u200d", "good")]
    train = write_tsv(tmp_path / "train.tsv", rows)
    report = check_data(config_of(train), TOKENIZER)
    assert one(report, "no tokens").examples == (f"{train}:32",)
    assert one(report, "unknown tokens").severity is Severity.WARNING


def test_without_a_tokenizer_lengths_are_estimates(tmp_path):
    train = write_tsv(tmp_path / "train.tsv", [("好" * 200, "x"), ("好", "y")])
    report = check_data(config_of(train))
    assert report.lengths_are_estimates
    assert "(estimated" in one(report, "truncation").message
    assert report.splits["train"].lengths["100"] == 202
    assert not found(report, "unknown tokens")

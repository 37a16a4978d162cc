"""What training stops at, the check calls an error; and the other way round."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from labelled_files import config_of, sound_rows, write_tsv

from keras_bert_cls.data.classification_rows import (
    build_classification_store,
    held_out_texts,
    read_labels,
)
from keras_bert_cls.data_check.check import check_data
from keras_bert_cls.data_check.finding import Severity
from keras_bert_cls.errors import UserError
from keras_bert_cls.text.tokenizer import Tokenizer
from keras_bert_cls.text.vocabulary import Vocabulary

TOKENIZER = Tokenizer(Vocabulary(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "film"]))
BAD_LINES = ("", "text only", "a\tgood\tmore", " \tgood", "a\t", "a\tother", "a\tbad", "\x85\tbad")


def training_stops(config, folder):
    """Returns whether reading the data for training raises UserError."""
    try:
        labels = read_labels(config)
        for split in ("test", "dev", "train"):
            files = getattr(config, f"{split}_files")
            leave_out = set()
            if split == "train" and config.drop_held_out_texts:
                leave_out = held_out_texts(config)
            if files:
                build_classification_store(folder, files, config, TOKENIZER, labels, leave_out)
    except UserError:
        return True
    return False


@settings(
    max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    st.lists(st.sampled_from(BAD_LINES), max_size=2),
    st.lists(st.sampled_from(BAD_LINES), max_size=2),
    st.sampled_from(["error", "skip"]),
    st.sampled_from(["error", "skip"]),
    st.sampled_from([0, 2, 12]),
)
def test_lines_that_training_stops_at(tmp_path, train, dev, on_bad_row, unknown_label, sound):
    paths = []
    for name, lines, rows in (("train", train, sound), ("dev", dev, 4)):
        path = tmp_path / f"{name}.tsv"
        write_tsv(path, sound_rows(rows))
        with path.open("a", encoding="utf-8") as file:
            file.writelines(f"{line}\n" for line in lines)
        paths.append(str(path))
    config = config_of(*paths, on_bad_row=on_bad_row, unknown_label=unknown_label)
    report = check_data(config)
    assert (report.count(Severity.ERROR) > 0) == training_stops(config, tmp_path / "store")


@pytest.mark.parametrize(
    "fields",
    [
        {"text_column": "txt"},
        {"label_column": "class"},
        {"labels_file": "missing.txt"},
        {"task": "regression"},
        {"dev_files": ("missing.tsv",)},
        {"file_format": "jsonl"},
        {"header": False, "text_column": "0", "label_column": "5"},
        {"drop_held_out_texts": True, "dev_files": ("train.tsv",)},
    ],
    ids=str,
)
def test_settings_that_training_stops_at(tmp_path, monkeypatch, fields):
    monkeypatch.chdir(tmp_path)
    write_tsv(tmp_path / "train.tsv", sound_rows(30))
    config = config_of("train.tsv", **fields)
    assert training_stops(config, tmp_path / "store")
    assert check_data(config).count(Severity.ERROR) > 0

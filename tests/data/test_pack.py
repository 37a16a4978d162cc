"""Packing: the store's sequences, whatever the units, and the same bytes after any interruption."""

import fcntl
import gzip
import hashlib
import itertools
import json

import pytest
import tensorflow as tf
from packed_text import MAX_LENGTH, TOKENIZER, data_config, write_text
from small_vocabulary import VOCABULARY

from keras_bert_cls.data import pack as pack_module
from keras_bert_cls.data import unit_packer
from keras_bert_cls.data.pack import pack
from keras_bert_cls.data.packed_shards import PackedShards
from keras_bert_cls.data.pretraining_rows import build_pretraining_store
from keras_bert_cls.data.sequence_records import SequenceParser
from keras_bert_cls.errors import UserError
from keras_bert_cls.text.vocabulary import Vocabulary

ROWS_PER_SHARD = 4


@pytest.fixture(autouse=True)
def small_units(monkeypatch):
    """About ten rows a unit."""
    monkeypatch.setattr(pack_module, "_SHARDS_A_UNIT", 2)


@pytest.fixture
def files(tmp_path):
    """A txt file of several units, a packed one, one with columns."""
    plain = write_text(tmp_path, 40)
    long = tmp_path / "long.txt.gz"
    long.write_bytes(gzip.compress(("the movie 天 playing. " * 40 + "\na b c\n\nd").encode()))
    table = tmp_path / "table.jsonl"
    texts = ["a b c\nd e f", "g h"]
    table.write_text("".join(json.dumps({"text": text}) + "\n" for text in texts))
    return (plain, table, long)


def config_of(files, **changes):
    return data_config(*files, text_column="text", **changes)


def bytes_of(folder):
    """Everything in the folder that training reads, and the marks."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def rows_of(packed):
    """Returns token ids, first length, word starts and file:line of every row."""
    parser = SequenceParser(packed.settings, TOKENIZER, packed.settings.max_length)
    found = []
    for shard in packed.shards:
        records = list(tf.data.TFRecordDataset(str(packed.folder / shard.name)).as_numpy_iterator())
        assert len(records) == shard.rows
        columns = {name: value.numpy() for name, value in parser(tf.constant(records)).items()}
        assert columns["length"].sum() == shard.tokens
        for row, length in enumerate(columns["length"]):
            assert (columns["token_ids"][row, length:] == VOCABULARY.pad_id).all()
            starts = (
                columns["word_starts"][row, :length].tolist() if "word_starts" in columns else []
            )
            found.append(
                (
                    columns["token_ids"][row, :length].tolist(),
                    columns["first_length"][row].item(),
                    starts,
                    f"{packed.sources[columns['source'][row]]}:{columns['line'][row]}",
                )
            )
    return found


def rows_of_store(folder, config):
    store = build_pretraining_store(folder / "store", config.files, config, TOKENIZER)
    sources = store.description["sources"]
    return [
        (
            store.row("token_ids", row).tolist(),
            store.values("first_length")[row].item(),
            store.row("word_starts", row).tolist() if "word_starts" in store else [],
            f"{sources[store.values('file')[row]]}:{store.values('line')[row]}",
        )
        for row in range(len(store))
    ]


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"pair_objective": "sop", "max_length": 13},
        {"one_document_per_line": True},
    ],
)
def test_shards_hold_the_sequences_of_the_store(tmp_path, files, changes):
    config = config_of(files, **changes)
    packed = pack(tmp_path / "packed", config, TOKENIZER, rows_per_shard=ROWS_PER_SHARD)
    assert rows_of(packed) == rows_of_store(tmp_path, config)
    assert max(shard.rows for shard in packed.shards) == ROWS_PER_SHARD
    assert len({shard.name[6:12] for shard in packed.shards}) > 1  # units
    assert PackedShards.open(tmp_path / "packed") == packed
    assert Vocabulary.from_file(packed.folder / "vocab.txt") == VOCABULARY
    for shard in packed.shards:
        content = (packed.folder / shard.name).read_bytes()
        assert len(content) == shard.bytes
        assert hashlib.sha256(content).hexdigest() == shard.sha256


def test_words_of_a_segmenter_are_kept(tmp_path):
    pytest.importorskip("jieba")
    path = tmp_path / "a.txt"
    path.write_text("今天天气很好，我们去爬山吧！\n新闻标题 playing", encoding="utf-8")
    config = data_config(path, word_segmenter="jieba")
    packed = pack(tmp_path / "packed", config, TOKENIZER)
    assert rows_of(packed) == rows_of_store(tmp_path, config)
    assert 0 in rows_of(packed)[0][2]


def test_text_is_cut_between_words(tmp_path):
    path = tmp_path / "a.txt"
    line = " ".join(["playing a 今天 the movie."] * 9)
    path.write_text(f"a b\n{line}\n\nthe\n", encoding="utf-8")
    packed = pack(tmp_path / "packed", data_config(path), TOKENIZER, keep_text=True)
    rows = [token_ids[1:-1] for token_ids, *_ in rows_of(packed)]
    expected = [
        TOKENIZER.tokenize([text]).values.numpy().tolist() for text in (f"a b {line}", "the")
    ]
    assert list(itertools.chain(*rows[:-1])) == expected[0] and rows[-1] == expected[1]
    tokens = VOCABULARY.tokens
    assert not any(tokens[row[0]].startswith("##") for row in rows)
    # Full, but for what a word (of at most two tokens here) did not fit into.
    assert all(len(row) + 1 >= MAX_LENGTH - 2 for row in rows[1:-2])


def test_interrupted_anywhere_it_ends_with_the_same_bytes(tmp_path, files, monkeypatch):
    config = config_of(files)
    whole = tmp_path / "whole"
    pack(whole, config, TOKENIZER, rows_per_shard=ROWS_PER_SHARD)
    expected = bytes_of(whole)
    write, done = unit_packer.UnitPacker._write, []

    def interrupted(self, name, sequences):
        (self._folder / f".writing-{name}").write_bytes(b"half")
        if name not in done:
            done.append(name)
            raise KeyboardInterrupt
        return write(self, name, sequences)

    monkeypatch.setattr(unit_packer.UnitPacker, "_write", interrupted)
    again, runs = tmp_path / "again", 0
    while not (again / "manifest.json").exists():
        marked = {path: path.stat().st_mtime_ns for path in again.glob("units/*")}
        runs += 1
        try:
            pack(again, config, TOKENIZER, rows_per_shard=ROWS_PER_SHARD)
        except KeyboardInterrupt:
            assert not (again / "manifest.json").exists()
        assert all(path.stat().st_mtime_ns == date for path, date in marked.items())
    assert runs == len(done) + 1 > 10
    assert bytes_of(again) == expected
    before = {path: path.stat().st_mtime_ns for path in again.rglob("shard-*")}
    pack(again, config, TOKENIZER, rows_per_shard=ROWS_PER_SHARD)
    assert {path: path.stat().st_mtime_ns for path in again.rglob("shard-*")} == before


def test_several_processes_write_the_same_bytes(tmp_path, files):
    config = config_of(files)
    folders = [tmp_path / "one", tmp_path / "two"]
    for processes, folder in enumerate(folders, start=1):
        pack(folder, config, TOKENIZER, rows_per_shard=ROWS_PER_SHARD, processes=processes)
    assert bytes_of(folders[0]) == bytes_of(folders[1])


@pytest.mark.slow
def test_errors_of_other_processes_are_the_users(tmp_path):
    path = tmp_path / "a.txt"
    path.write_bytes(b"the movie a b c d e f\n\n" * 60 + b"\xff\n")
    with pytest.raises(UserError, match=r"a\.txt:121: not UTF-8.*--on_bad_row=skip"):
        pack(tmp_path / "packed", data_config(path), TOKENIZER, rows_per_shard=4, processes=2)


def test_skipped_lines_of_all_units_are_reported(tmp_path):
    path = tmp_path / "a.txt"
    path.write_bytes(b"a b c d e f g h a b c d e f\n\xff\n\n" * 60)
    config = data_config(path, on_bad_row="skip")
    packed = pack(tmp_path / "packed", config, TOKENIZER, rows_per_shard=ROWS_PER_SHARD)
    assert packed.skipped.startswith("skipped 60 bad rows:\n  60 × broken encoding")
    assert [f"a.txt:{line}:" in packed.skipped for line in (2, 5, 8, 11)] == [True] * 3 + [False]
    assert [row[3] for row in rows_of(packed)][:3] == [f"{path}:{line}" for line in (1, 4, 7)]


def test_a_folder_is_for_one_set_of_settings_and_files(tmp_path, files):
    folder, config = tmp_path / "packed", config_of(files)
    pack(folder, config, TOKENIZER, rows_per_shard=ROWS_PER_SHARD)
    before = bytes_of(folder)
    with pytest.raises(UserError, match="rows_per_shard is 4, not 5"):
        pack(folder, config, TOKENIZER, rows_per_shard=5)
    with pytest.raises(UserError, match="max_length is 28, not 20"):
        pack(folder, config_of(files, max_length=20), TOKENIZER, rows_per_shard=ROWS_PER_SHARD)
    with open(files[1], "a") as stream:
        stream.write('{"text": "new"}\n')
    with pytest.raises(UserError, match=r"table\.jsonl was added, removed or changed"):
        pack(folder, config, TOKENIZER, rows_per_shard=ROWS_PER_SHARD)
    assert bytes_of(folder) == before


def test_two_processes_do_not_pack_into_one_folder(tmp_path, files):
    folder = tmp_path / "packed"
    folder.mkdir()
    with open(folder / ".lock", "w") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        with pytest.raises(UserError, match="another process"):
            pack(folder, config_of(files), TOKENIZER)


def test_what_cannot_be_packed(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("\n\u200b\n")
    with pytest.raises(UserError, match=r"no text is left in .*a\.txt"):
        pack(tmp_path / "packed", data_config(path), TOKENIZER)
    config = data_config(path, pair_objective="sop", max_length=3)
    with pytest.raises(UserError, match=r"max_length must be(.|\n)*pair_objective 'sop' needs"):
        pack(tmp_path / "other", config, TOKENIZER, keep_text=True)
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="--output"):
        pack(tmp_path / "file" / "packed", data_config(path), TOKENIZER)

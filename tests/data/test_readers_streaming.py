"""Reading does not take more memory, or more of the file, than the rows asked for."""

import collections
import functools
import gzip
import itertools
import lzma
import os
import threading
import tracemalloc

import pytest

from keras_bert_cls.data.documents import iterate_documents
from keras_bert_cls.data.readers import iterate_texts, read_rows
from keras_bert_cls.data.table_spec import TableSpec

MEBIBYTE = 1 << 20
LINES = {
    "a.txt": b"text of some length, again and again\n",
    "a.tsv": b"1\ttext of some length, again and again\n",
    "a.csv": b'1,"text of some length, again and ""again"""\n',
    "a.jsonl": b'{"label": 1, "text": "text of some length, again and again"}\n',
}
SPECS = {
    "a.txt": TableSpec(),
    "a.tsv": TableSpec(text_column=1, label_column=0),
    "a.csv": TableSpec(text_column=1, label_column=0),
    "a.jsonl": TableSpec(text_column="text", label_column="label"),
}


def peak_of(consume) -> int:
    """Returns the most bytes that Python held while `consume` ran."""
    tracemalloc.start()
    try:
        consume()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("name", LINES)
@pytest.mark.parametrize(
    ("suffix", "pack"),
    # The dictionary of preset 0, which the reader must hold, has 256 KiB; the usual one has 8 MiB.
    [("", bytes), (".gz", gzip.compress), (".xz", functools.partial(lzma.compress, preset=0))],
)
def test_the_first_rows_of_a_large_file(tmp_path, name, suffix, pack):
    path = tmp_path / (name + suffix)
    path.write_bytes(pack(LINES[name] * (16 * MEBIBYTE // len(LINES[name]))))
    rows = read_rows(path, SPECS[name])
    assert peak_of(lambda: list(itertools.islice(rows, 10))) < MEBIBYTE


@pytest.mark.parametrize("name", LINES)
def test_all_rows_of_a_large_file(tmp_path, name):
    path = tmp_path / name
    path.write_bytes(LINES[name] * (4 * MEBIBYTE // len(LINES[name])))
    rows = read_rows(path, SPECS[name])
    assert peak_of(lambda: collections.deque(rows, maxlen=0)) < MEBIBYTE // 4


def test_a_document_without_end_takes_bounded_memory(tmp_path):
    path = tmp_path / "a.txt"
    path.write_bytes(LINES["a.txt"] * (8 * MEBIBYTE // len(LINES["a.txt"])))

    def consume():
        for document in iterate_documents(path, maximum_characters=50_000):
            assert sum(map(len, document.lines)) <= 50_000

    assert peak_of(consume) < MEBIBYTE


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_a_row_comes_before_the_writer_of_a_pipe_has_finished(tmp_path):
    path = tmp_path / "pipe"
    os.mkfifo(path)
    seen = threading.Event()
    finished = []

    def write():
        with open(path, "wb", buffering=0) as stream:
            stream.write(b"first\nsecond\n" * 8192)
            finished.append(seen.wait(60))

    writer = threading.Thread(target=write)
    writer.start()
    texts = iterate_texts(path, file_format="txt")
    assert next(texts) == "first"
    assert not finished
    seen.set()
    assert sum(1 for _ in texts) == 2 * 8192 - 1
    writer.join()
    assert finished == [True]

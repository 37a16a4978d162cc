"""Worker: one stage from files to batches, with its time and its memory."""

import contextlib
import itertools
import os
import pathlib
import threading
import time
from collections.abc import Iterator

from benchmarks.peers.worker_loop import answer_requests

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

_ROWS_A_BATCH, _MAX_LENGTH = 64, 128
_SECONDS_BETWEEN_LOOKS = 0.02


class Memory:
    """The most memory that this process has while it is watched, in MB.

    Attributes:
      own: that is the process's own.
      resident: that and the parts of mapped files.
    """

    own = resident = 0.0

    @classmethod
    @contextlib.contextmanager
    def watched(cls) -> Iterator["Memory"]:
        """Watches until the body is left."""
        memory, done = cls(), threading.Event()

        def keep_looking() -> None:
            while not done.wait(_SECONDS_BETWEEN_LOOKS):
                memory.look()

        thread = threading.Thread(target=keep_looking)
        thread.start()
        try:
            yield memory
        finally:
            done.set()
            thread.join()
            memory.look()

    def look(self) -> None:
        """Looks at the memory now."""
        fields = memory_fields(pathlib.Path("/proc/self/status").read_text())
        self.own = max(self.own, fields["RssAnon"])
        self.resident = max(self.resident, fields["VmRSS"])


def memory_fields(status: str) -> dict[str, float]:
    """Returns the sizes of /proc/PID/status in MB (of 1024 * 1024 bytes) by name."""
    lines = (line.split() for line in status.splitlines())
    return {line[0].rstrip(":"): int(line[1]) / 1024 for line in lines if line[2:] == ["kB"]}


def build_store(folder: str, batches: int) -> dict[str, float]:
    """Makes a store of FOLDER/rows.tsv."""
    from keras_bert_cls.data.classification_rows import build_classification_store, read_labels
    from keras_bert_cls.data.config import ClassificationData

    file = f"{folder}/rows.tsv"
    config = ClassificationData(
        train_files=(file,), text_column="text", label_column="label", max_length=_MAX_LENGTH
    )
    tokenizer = _tokenizer(folder, file)
    with Memory.watched() as memory:
        started = time.perf_counter()
        labels = read_labels(config)
        store = build_classification_store(
            f"{folder}/store", config.train_files, config, tokenizer, labels
        )
        return _result(len(store), time.perf_counter() - started, memory)


def read_store(folder: str, batches: int) -> dict[str, float]:
    """Makes batches of the store."""
    from keras_bert_cls.data.batch_plan import BatchPlan
    from keras_bert_cls.data.batch_source import Shard
    from keras_bert_cls.data.batches import ClassificationBatches
    from keras_bert_cls.data.store_batches import StoreBatches
    from keras_bert_cls.data.token_store import TokenStore

    tokenizer = _tokenizer(folder)
    with Memory.watched() as memory:
        store = TokenStore(f"{folder}/store")
        plan = BatchPlan(store.lengths("token_ids"), _ROWS_A_BATCH)
        make_batch = ClassificationBatches(store, tokenizer.vocabulary, 10)
        dataset = StoreBatches(store, plan, make_batch).dataset(0, Shard())
        rows, seconds = _read(dataset, batches)
        return _result(rows, seconds, memory)


def pack_text(folder: str, batches: int) -> dict[str, float]:
    """Packs FOLDER/text.txt."""
    from keras_bert_cls.data.config import PretrainingData
    from keras_bert_cls.data.pack import pack

    file = f"{folder}/text.txt"
    tokenizer = _tokenizer(folder, file)
    with Memory.watched() as memory:
        started = time.perf_counter()
        data = PretrainingData(files=(file,), max_length=_MAX_LENGTH)
        packed = pack(f"{folder}/shards", data, tokenizer)
        return _result(packed.rows, time.perf_counter() - started, memory)


def read_shards(folder: str, batches: int) -> dict[str, float]:
    """Makes batches of the shards."""
    from keras_bert_cls.data.batch_source import Shard
    from keras_bert_cls.data.config import MaskingConfig, PretrainingData
    from keras_bert_cls.data.masking import TokenMasker
    from keras_bert_cls.data.shard_batches import ShardBatches

    tokenizer = _tokenizer(folder)
    data = PretrainingData(packed=f"{folder}/shards", max_length=_MAX_LENGTH)
    masker = TokenMasker(tokenizer.vocabulary, MaskingConfig())
    with Memory.watched() as memory:
        source = ShardBatches(data.packed, tokenizer, data, masker, batch_size=_ROWS_A_BATCH)
        rows, seconds = _read(source.dataset(0, Shard()), batches)
        return _result(rows, seconds, memory)


def _read(dataset, batches: int) -> tuple[int, float]:
    """Counts the rows of batches but the first, and their seconds."""
    iterator = iter(dataset)
    next(iterator)
    started = time.perf_counter()
    rows = sum(len(batch["token_ids"]) for batch in itertools.islice(iterator, batches))
    return rows, time.perf_counter() - started


def _result(rows: int, seconds: float, memory: Memory) -> dict[str, float]:
    memory.look()
    return {"rows": rows, "seconds": seconds, "own": memory.own, "resident": memory.resident}


def _tokenizer(folder: str, file: str | None = None):
    """Returns the tokenizer; its vocabulary is learned once, from a file's first lines."""
    from keras_bert_cls.text.tokenizer import Tokenizer
    from keras_bert_cls.text.vocabulary_learning import learn_vocabulary

    path = pathlib.Path(folder).with_name("generated_vocab.txt")
    if not path.exists():
        assert file is not None
        with open(file, encoding="utf-8") as lines:
            texts = [line.split("\t")[0] for line in itertools.islice(lines, 20_000)]
        learn_vocabulary(texts, size=4000).save(path)
    return Tokenizer.from_vocab(path)


if __name__ == "__main__":
    answer_requests(
        {
            "build_store": build_store,
            "read_store": read_store,
            "pack_text": pack_text,
            "read_shards": read_shards,
        }
    )

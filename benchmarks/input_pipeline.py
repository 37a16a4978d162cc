"""Tokens per second of every way from text to the batches of pretraining.

  python -m benchmarks.input_pipeline
  python -m benchmarks.input_pipeline --files 'wiki/*.txt' --vocabulary vocab.txt --megabytes 16

Without --files the text is generated. Every figure is of one pass after the first batch, so that
neither TensorFlow's start nor the tracing of graphs is in it; packing is measured from the first
finished unit of work to the last: with two processes the start of the slower one counts.
"""

import contextlib
import dataclasses
import itertools
import json
import pathlib
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator

import numpy as np
from absl import flags

from benchmarks.benchmark import Benchmark
from benchmarks.generated_text import generated_lines

benchmark = Benchmark("input_pipeline", __doc__, texts=False, turns=False)
_FLAGS = benchmark.program.flags

_FILES = flags.DEFINE_list(
    "files",
    [],
    "Text files and glob patterns; .gz and .xz are unpacked.",
    flag_values=_FLAGS,
)
_VOCABULARY = flags.DEFINE_string(
    "vocabulary",
    None,
    "The vocabulary; by default learned from the text.",
    flag_values=_FLAGS,
)
_MEGABYTES = flags.DEFINE_integer(
    "megabytes", 8, "How much of the text to take: at least 3 units of work.", 6, flag_values=_FLAGS
)
_MAX_LENGTH = flags.DEFINE_integer("max_length", 128, "Tokens a row.", 8, flag_values=_FLAGS)
_BATCH_SIZE = flags.DEFINE_integer("batch_size", 64, "Rows a batch.", 1, flag_values=_FLAGS)

_ROWS_PER_SHARD = 512
_SEED = 0


@dataclasses.dataclass(frozen=True)
class Measurement:
    """Tokens that went one way, and the seconds it took."""

    path: str
    tokens: int
    seconds: float


def _measure() -> Iterator[dict]:
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        text = _write_text(folder / "text.txt")
        vocabulary = _vocabulary(folder / "vocab.txt", text)
        for one in _measurements(folder, text, vocabulary):
            yield {**dataclasses.asdict(one), "tokens/s": one.tokens / one.seconds}


def _measurements(
    folder: pathlib.Path, text: pathlib.Path, vocabulary: pathlib.Path
) -> Iterator[Measurement]:
    from keras_bert_cls.data.config import MaskingConfig, PretrainingData
    from keras_bert_cls.data.masking import TokenMasker
    from keras_bert_cls.text.tokenizer import Tokenizer

    tokenizer = Tokenizer.from_vocab(vocabulary)
    config = PretrainingData(files=(str(text),), max_length=_MAX_LENGTH.value)
    masker = TokenMasker(tokenizer.vocabulary, MaskingConfig())
    yield from _store_measurements(folder, config, tokenizer, masker)
    packings = {
        "text -> shards, 1 process": ["--processes=1"],
        "text -> shards, 2 processes": ["--processes=2"],
        "text -> text shards, 1 process": ["--keep_text"],
    }
    folders: dict[str, pathlib.Path] = {}
    for title, options in packings.items():
        folders[title] = folder / title.replace(" ", "_")
        yield _packing(title, folders[title], text, vocabulary, options)
    token_shards, _, text_shards = folders.values()
    shards = {"shards": token_shards, "text shards": text_shards}
    for title, packed in shards.items():
        yield _reading(f"{title} -> batches", packed, tokenizer, config, masker, "")
    with _service() as address:
        for title, packed in shards.items():
            path = f"{title} -> batches, service of 2 workers"
            yield _reading(path, packed, tokenizer, config, masker, address)


def _store_measurements(folder, config, tokenizer, masker) -> Iterator[Measurement]:
    from keras_bert_cls.data.batch_plan import BatchPlan
    from keras_bert_cls.data.batches import PretrainingBatches
    from keras_bert_cls.data.pipeline import training_dataset, with_masking
    from keras_bert_cls.data.pretraining_rows import build_pretraining_store

    begun = time.perf_counter()
    store = build_pretraining_store(folder / "store", config.files, config, tokenizer)
    tokens = len(store.values("token_ids"))
    yield Measurement("text -> store, 1 process", tokens, time.perf_counter() - begun)
    plan = BatchPlan(store.lengths("token_ids"), _BATCH_SIZE.value, seed=_SEED)
    batches = PretrainingBatches(store, tokenizer.vocabulary, seed=_SEED)
    dataset = with_masking(training_dataset(plan, batches), masker, _SEED)
    yield _one_epoch("store -> batches", dataset, plan.steps_in_epoch(0))


def _packing(title, folder, text, vocabulary, options) -> Measurement:
    command = [sys.executable, "-m", "keras_bert_cls.cli.pack", f"--files={text}"]
    command += [f"--vocabulary={vocabulary}", f"--output={folder}", *options]
    command += [f"--max_length={_MAX_LENGTH.value}", f"--rows_per_shard={_ROWS_PER_SHARD}"]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    # Units by the time at which they were done; the first says when the work had begun.
    units = sorted((mark.stat().st_mtime, mark) for mark in folder.glob("units/*.json"))
    tokens = sum(
        shard["tokens"] for _, mark in units[1:] for shard in json.loads(mark.read_text())["shards"]
    )
    return Measurement(title, tokens, units[-1][0] - units[0][0])


def _reading(title, folder, tokenizer, config, masker, address) -> Measurement:
    from keras_bert_cls.data.batch_source import Shard
    from keras_bert_cls.data.shard_batches import ShardBatches

    source = ShardBatches(
        folder,
        tokenizer,
        config,
        masker,
        batch_size=_BATCH_SIZE.value,
        seed=_SEED,
        data_service=address,
    )
    return _one_epoch(title, source.dataset(0, Shard()), source.steps_in_epoch(0))


def _one_epoch(title: str, dataset, steps: int) -> Measurement:
    """Counts the tokens of an epoch's batches but the first."""
    batches = iter(dataset)
    next(batches)
    begun = time.perf_counter()
    tokens = sum(
        int(np.sum(batch["padding_mask"])) for batch in itertools.islice(batches, steps - 1)
    )
    return Measurement(title, tokens, time.perf_counter() - begun)


@contextlib.contextmanager
def _service() -> Iterator[str]:
    """Starts a dispatcher and two workers; yields the address."""
    command = [sys.executable, "-m", "keras_bert_cls.cli.data_service"]
    with contextlib.ExitStack() as stack:

        def start(*options: str) -> str:
            process = subprocess.Popen([*command, *options], stdout=subprocess.PIPE, text=True)
            stack.callback(process.wait)
            stack.callback(process.terminate)
            assert process.stdout is not None
            return process.stdout.readline().split()[-1]

        address = start("--role=dispatcher")
        for _ in range(2):
            start("--role=worker", f"--dispatcher={address}")
        yield address


def _write_text(path: pathlib.Path) -> pathlib.Path:
    """Writes the text to measure with: the beginning of the files, or generated words."""
    size = _MEGABYTES.value * 10**6
    lines = _lines_of_files() if _FILES.value else generated_lines(_SEED)
    written = 0
    with open(path, "w", encoding="utf-8") as file:
        for line in lines:
            written += file.write(f"{line}\n")
            if written >= size:
                break
    return path


def _lines_of_files() -> Iterator[str]:
    from keras_bert_cls.data.documents import iterate_documents

    for document in iterate_documents(_FILES.value):
        yield from (*document.lines, "")


def _vocabulary(path: pathlib.Path, text: pathlib.Path) -> pathlib.Path:
    if _VOCABULARY.value:
        return pathlib.Path(_VOCABULARY.value)
    from keras_bert_cls.data.readers import iterate_texts
    from keras_bert_cls.text.vocabulary_learning import learn_vocabulary

    learn_vocabulary(iterate_texts(str(text)), size=8000).save(path)
    return path


def main(argv: list[str] | None = None) -> int:
    """Runs the program; returns its exit code."""
    return benchmark.run(_measure, argv)


if __name__ == "__main__":
    raise SystemExit(main())

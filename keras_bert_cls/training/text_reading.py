"""Unlabelled text of a run: read once, and used again as long as nothing has changed."""

import dataclasses

from keras_bert_cls.data.config import PretrainingData
from keras_bert_cls.data.fingerprint import fingerprint, reuse_or_build
from keras_bert_cls.data.pretraining_rows import build_pretraining_store
from keras_bert_cls.data.token_store import TokenStore
from keras_bert_cls.text.tokenizer import Tokenizer
from keras_bert_cls.training.run_directory import RunDirectory
from keras_bert_cls.training.workers import Workers


def read_text(
    run: RunDirectory,
    data: PretrainingData,
    tokenizer: Tokenizer,
    workers: Workers,
    folder: str = "",
) -> dict[str, TokenStore]:
    """Returns the sequences of the splits that a worker needs: the chief alone evaluates.

    Args:
      run: the run's folder.
      data: what to read and how, and the length of a sequence.
      tokenizer: turns text into token ids.
      workers: that train together.
      folder: in the run's data; "" is that itself.
    """
    files = {
        "train": () if data.packed else data.files,
        "dev": data.dev_files if workers.is_chief else (),
    }

    def read(split: str) -> TokenStore:
        name = f"{folder}/{split}" if folder else split
        return _read_split(run, name, files[split], data, tokenizer, workers.index)

    return workers.chief_first(lambda: {split: read(split) for split in files if files[split]})


def _read_split(
    run: RunDirectory,
    name: str,
    files: tuple[str, ...],
    data: PretrainingData,
    tokenizer: Tokenizer,
    worker: int,
) -> TokenStore:
    settings = {
        **dataclasses.asdict(data),
        "vocabulary": tokenizer.vocabulary.tokens,
        "lowercase": tokenizer.lowercase,
        "strip_accents": tokenizer.strip_accents,
    }
    return reuse_or_build(
        run.stores(name, worker),
        fingerprint(files, settings),
        lambda folder: build_pretraining_store(folder, files, data, tokenizer, f"reading {name}"),
    )

"""Unlabelled text of a run: read once, and used again as long as nothing has changed."""

import dataclasses

from keras_bert_cls.data.config import PretrainingData
from keras_bert_cls.data.fingerprint import fingerprint, reuse_or_build
from keras_bert_cls.data.pretraining_rows import build_pretraining_store
from keras_bert_cls.data.token_store import TokenStore
from keras_bert_cls.text.tokenizer import Tokenizer
from keras_bert_cls.training.run_directory import RunDirectory


def read_text(
    run: RunDirectory,
    name: str,
    files: tuple[str, ...],
    data: PretrainingData,
    tokenizer: Tokenizer,
    worker: int,
) -> TokenStore:
    """Returns sequences of text.

    Args:
      run: the run's folder.
      name: of the folder in the run's data.
      files: what to read.
      data: how to read it, and the length of a sequence.
      tokenizer: turns text into token ids.
      worker: who reads; 0 is the chief.
    """
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

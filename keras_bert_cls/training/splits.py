"""The splits that a run's data config names: who reads which, and what their rows depend on."""

import dataclasses
from collections.abc import Mapping, Sequence

from keras_bert_cls.data.config import ClassificationData
from keras_bert_cls.data.fingerprint import fingerprint
from keras_bert_cls.data.seq2seq_config import Seq2SeqData
from keras_bert_cls.text.tokenizer import Tokenizer

SPLITS = ("train", "dev", "test")

LabelledData = ClassificationData | Seq2SeqData


def files_of(data: LabelledData, split: str) -> tuple[str, ...]:
    """Returns the files of a split."""
    return tuple(getattr(data, f"{split}_files"))


def splits_to_read(data: LabelledData, worker: int) -> list[str]:
    """Returns the splits that a worker needs, test first: the chief, 0, alone evaluates."""
    splits = reversed(SPLITS) if worker == 0 else ("train",)
    return [split for split in splits if files_of(data, split)]


def split_fingerprint(
    data: LabelledData,
    split: str,
    tokenizer: Tokenizer,
    more_settings: Mapping[str, object] = {},
    more_files: Sequence[str] = (),
) -> str:
    """Returns a digest of all that the rows of a split depend on.

    The files of all splits count: training rows may be left out for standing in another one.
    """
    settings = {
        **dataclasses.asdict(data),
        "vocabulary": tokenizer.vocabulary.tokens,
        "lowercase": tokenizer.lowercase,
        "strip_accents": tokenizer.strip_accents,
        "split": split,
        **more_settings,
    }
    files = [path for each in reversed(SPLITS) for path in files_of(data, each)]
    return fingerprint([*files, *more_files], settings)

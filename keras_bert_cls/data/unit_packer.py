"""Packs one unit of text: its shards, then the mark that they are there."""

import dataclasses
import hashlib
import itertools
import json
import os
import pathlib
from collections.abc import Iterable

import tensorflow as tf

from keras_bert_cls.data.bad_rows import BadRows
from keras_bert_cls.data.config import PretrainingData
from keras_bert_cls.data.documents import documents_of_files
from keras_bert_cls.data.pack_plan import Unit
from keras_bert_cls.data.packed_shards import PackSettings, ShardFile, write_json
from keras_bert_cls.data.sequence_records import encode_sequence
from keras_bert_cls.data.sequences import Sequence, read_sequences
from keras_bert_cls.data.table_spec import TableSpec
from keras_bert_cls.data.word_segmentation import load_segmenter
from keras_bert_cls.text.tokenizer import Tokenizer


@dataclasses.dataclass(frozen=True)
class PackedUnit:
    """What became of a unit.

    Attributes:
      shards: the files that were written; none if the unit holds no text.
      skipped: kind -> rows skipped for it.
      examples: kind -> messages of the first of them.
    """

    shards: tuple[ShardFile, ...]
    skipped: dict[str, int]
    examples: dict[str, list[str]]

    @classmethod
    def read(cls, mark: pathlib.Path) -> "PackedUnit | None":
        """Reads what `UnitPacker` wrote; None if it did not get to the end."""
        if not mark.is_file():
            return None
        content = json.loads(mark.read_text(encoding="utf-8"))
        shards = tuple(ShardFile(**shard) for shard in content["shards"])
        return cls(shards, content["skipped"], content["examples"])


def mark_of(folder: pathlib.Path, number: int) -> pathlib.Path:
    """Returns the file that says that a unit is packed."""
    return folder / "units" / f"{number:06}.json"


class UnitPacker:
    """Packs units; what it writes depends on the unit and the settings only.

    Args:
      folder: where the shards go.
      settings: of the folder.
      tokenizer: turns text into token ids.
      sources: names of all files; records hold their numbers.
    """

    def __init__(
        self,
        folder: pathlib.Path,
        settings: PackSettings,
        tokenizer: Tokenizer,
        sources: Iterable[str],
    ):
        self._folder = folder
        self._settings = settings
        self._tokenizer = tokenizer
        self._numbers = {name: number for number, name in enumerate(sources)}
        self._segmenter = load_segmenter(settings.word_segmenter)

    def __reduce__(self):
        return UnitPacker, (self._folder, self._settings, self._tokenizer, tuple(self._numbers))

    def pack(self, number: int, unit: Unit) -> PackedUnit:
        """Packs the unit of a number.

        Raises:
          UserError: a line cannot be used and the settings do not say to skip it.
        """
        settings = self._settings
        bad_rows = BadRows(settings.on_bad_row, option="--on_bad_row")
        documents = documents_of_files(
            unit,
            TableSpec(file_format=settings.file_format, text_column=settings.text_column),
            one_document_per_line=settings.one_document_per_line,
            bad_rows=bad_rows,
        )
        cut = PretrainingData(
            max_length=settings.max_length, pair_objective=settings.pair_objective
        )
        sequences = read_sequences(
            documents, cut, self._tokenizer, self._segmenter, cut_text=settings.keep_text
        )
        records = map(self._record, sequences)
        shards: list[ShardFile] = []
        while chunk := list(itertools.islice(records, settings.rows_per_shard)):
            shards.append(self._write(f"shard-{number:06}-{len(shards):04}.tfrecord", chunk))
        packed = PackedUnit(tuple(shards), dict(bad_rows.counts), bad_rows.examples)
        write_json(mark_of(self._folder, number), dataclasses.asdict(packed))
        return packed

    def _record(self, sequence: Sequence) -> tuple[bytes, int]:
        """Returns the record of a sequence, and how many tokens it has."""
        source = self._numbers[sequence.file]
        return encode_sequence(sequence, source, self._settings), len(sequence.token_ids)

    def _write(self, name: str, records: list[tuple[bytes, int]]) -> ShardFile:
        temporary = self._folder / f".writing-{name}"
        with tf.io.TFRecordWriter(str(temporary)) as writer:
            for record, _ in records:
                writer.write(record)
        with open(temporary, "rb+") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
            os.fsync(file.fileno())
        os.replace(temporary, self._folder / name)
        return ShardFile(
            name,
            rows=len(records),
            tokens=sum(tokens for _, tokens in records),
            bytes=os.path.getsize(self._folder / name),
            sha256=digest,
        )

"""What a folder of packed shards holds: its manifest. Imports no TensorFlow."""

import dataclasses
import hashlib
import json
import os
import pathlib
from typing import TYPE_CHECKING, Any

from keras_bert_cls.data.config import PretrainingData
from keras_bert_cls.errors import UserError
from keras_bert_cls.text.vocabulary import Vocabulary

if TYPE_CHECKING:
    from keras_bert_cls.text.tokenizer import Tokenizer

MANIFEST = "manifest.json"
VOCABULARY = "vocab.txt"
FORMAT = 1


@dataclasses.dataclass(frozen=True)
class ShardFile:
    """One TFRecord file of sequences.

    Attributes:
      name: the file's name in its folder.
      rows: sequences in it.
      tokens: tokens in it, special tokens included.
      bytes: the file's size.
      sha256: the file's digest, in hexadecimal.
    """

    name: str
    rows: int
    tokens: int
    bytes: int
    sha256: str


@dataclasses.dataclass(frozen=True)
class PackSettings:
    """What the sequences of a folder depend on besides their sources.

    Attributes:
      files, file_format, text_column, one_document_per_line, on_bad_row, max_length,
        pair_objective, word_segmenter: see PretrainingData.
      vocabulary: digest of the tokens.
      lowercase, strip_accents: see Tokenizer.
      rows_per_shard: sequences of a file at most.
      keep_text: whether records hold text, to be tokenized while training, or token ids.
    """

    files: tuple[str, ...]
    file_format: str | None
    text_column: str | None
    one_document_per_line: bool
    on_bad_row: str
    max_length: int
    pair_objective: str
    word_segmenter: str
    vocabulary: str
    lowercase: bool
    strip_accents: bool
    rows_per_shard: int
    keep_text: bool

    def differences(self, other: "PackSettings") -> list[str]:
        """Returns "field is X, not Y" for every field in which `other` differs."""
        return [
            f"{field.name} is {getattr(self, field.name)!r}, not {getattr(other, field.name)!r}"
            for field in dataclasses.fields(self)
            if getattr(self, field.name) != getattr(other, field.name)
        ]


@dataclasses.dataclass(frozen=True)
class PackedShards:
    """A whole folder of packed shards.

    Attributes:
      folder: where it is.
      settings: what it was made with.
      sources: names of the text files.
      shards: the files, in the order of the text.
      skipped: a report of what could not be used, "" if nothing was skipped.
    """

    folder: pathlib.Path
    settings: PackSettings
    sources: tuple[str, ...]
    shards: tuple[ShardFile, ...]
    skipped: str

    @property
    def rows(self) -> int:
        """Sequences in all shards."""
        return sum(shard.rows for shard in self.shards)

    @property
    def tokens(self) -> int:
        """Tokens in all shards, special tokens included."""
        return sum(shard.tokens for shard in self.shards)

    @classmethod
    def open(cls, folder: str | os.PathLike) -> "PackedShards":
        """Reads the manifest and checks that the shards are there.

        Raises:
          UserError: the folder holds no packed shards, not all of them, or damaged ones.
        """
        folder = pathlib.Path(folder)
        try:
            content = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise UserError(
                f"{folder} holds no {MANIFEST}: expected a folder that bertcls-pack has finished. "
                "The command that began it goes on where it was stopped."
            ) from None
        except (OSError, ValueError) as error:
            raise UserError(f"{folder / MANIFEST}: cannot be read: {error}") from error
        if content.get("format") != FORMAT:
            raise UserError(
                f"{folder / MANIFEST}: expected format {FORMAT}, got {content.get('format')!r}. "
                "Pack the text again with this version."
            )
        packed = cls(
            folder,
            settings_from_json(content["settings"]),
            tuple(content["sources"]),
            tuple(ShardFile(**shard) for shard in content["shards"]),
            content["skipped"],
        )
        packed._check_files()
        return packed

    def save(self) -> None:
        """Writes the manifest, whole or not at all."""
        content = {
            "format": FORMAT,
            "settings": dataclasses.asdict(self.settings),
            "rows": self.rows,
            "tokens": self.tokens,
            "sources": self.sources,
            "shards": [dataclasses.asdict(shard) for shard in self.shards],
            "skipped": self.skipped,
        }
        write_json(self.folder / MANIFEST, content)

    def check_fits(self, config: PretrainingData, tokenizer: "Tokenizer") -> None:
        """Checks that a run can train on these shards.

        Raises:
          UserError: lists every setting in which they differ.
        """
        settings = self.settings
        wanted = dataclasses.replace(
            settings,
            max_length=config.max_length,
            word_segmenter=config.word_segmenter,
            **tokenizer_settings(tokenizer),
        )
        found = settings.differences(wanted)
        # Sentences are cut for both pair objectives alike.
        if (settings.pair_objective == "none") != (config.pair_objective == "none"):
            found.append(
                f"pair_objective is {settings.pair_objective!r}, not {config.pair_objective!r}"
            )
        if found:
            raise UserError(
                f"{self.folder} was packed with other settings than the run's:\n"
                + "".join(f"  {difference}\n" for difference in found)
                + "Change the run's config, or pack the text again into another folder."
            )

    def _check_files(self) -> None:
        for shard in self.shards:
            path = self.folder / shard.name
            size = path.stat().st_size if path.is_file() else None
            if size != shard.bytes:
                got = "it is missing" if size is None else f"got {size:,}"
                raise UserError(
                    f"{path}: expected a shard of {shard.bytes:,} bytes, {got}. "
                    "Copy the folder again, or delete it and pack the text again."
                )


def vocabulary_digest(vocabulary: Vocabulary) -> str:
    """Returns the SHA-256 of the tokens in their order, in hexadecimal."""
    return hashlib.sha256("\n".join(vocabulary.tokens).encode()).hexdigest()


def tokenizer_settings(tokenizer: "Tokenizer") -> dict[str, Any]:
    """Returns the PackSettings that say which tokenizer it is."""
    strip_accents = tokenizer.strip_accents
    return {
        "vocabulary": vocabulary_digest(tokenizer.vocabulary),
        "lowercase": tokenizer.lowercase,
        "strip_accents": tokenizer.lowercase if strip_accents is None else strip_accents,
    }


def settings_from_json(content: dict) -> PackSettings:
    """Returns the settings whose `dataclasses.asdict` was written as JSON."""
    return PackSettings(**{**content, "files": tuple(content["files"])})


def write_json(path: pathlib.Path, content: object) -> None:
    """Writes a JSON file, whole or not at all."""
    temporary = path.with_name(f".writing-{path.name}")
    with open(temporary, "w", encoding="utf-8") as file:
        json.dump(content, file, ensure_ascii=False, indent=1)
        file.flush()
        os.fsync(file.fileno())
    os.replace(temporary, path)

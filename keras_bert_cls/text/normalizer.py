"""BERT's normalisation as a table that tf-text's FastBertNormalizer reads.

tf-text's own tables fold compatibility characters (`，` to `,`, `①` to `1`, `ß` to `ss`) and so
give other ids than the tokenizer that published checkpoints were trained with; ours follow that
tokenizer (see character_mapping). They are data of the package, made from the Unicode version
below, so that a text has the same ids under every Python version.

    python -m keras_bert_cls.text.normalizer

writes them again.
"""

import functools
import importlib.resources
import itertools
import lzma
import pathlib
import sys
import unicodedata
from collections.abc import Iterator

import flatbuffers

from keras_bert_cls.text.character_mapping import normalized_character
from keras_bert_cls.text.double_array_trie import build_double_array_trie

UNICODE_VERSION = "14.0.0"  # unicodedata.unidata_version of Python 3.11

_FOLDER = "normalizer_tables"

# fast_bert_normalizer.h: bit 30 says that the character changes, bits 6-29 hold where its
# replacement starts in the pool, bits 0-5 its length in bytes.
_CHANGES = 1 << 30
_START_SHIFT = 6
_MAX_REPLACEMENT_BYTES = 63


@functools.lru_cache
def normalizer_model(lowercase: bool, strip_accents: bool) -> bytes:
    """Returns the package's table as a FastBertNormalizerModel flatbuffer."""
    name = _file_name(lowercase, strip_accents)
    table = importlib.resources.files(__package__) / _FOLDER / name
    return lzma.decompress(table.read_bytes())


def build_normalizer_model(lowercase: bool, strip_accents: bool) -> bytes:
    """Makes the table from this Python's unicodedata."""
    pool = bytearray()
    starts: dict[bytes, int] = {}
    encoded: dict[bytes, int] = {}
    for character, replacement in _replacements(lowercase, strip_accents):
        if len(replacement) > _MAX_REPLACEMENT_BYTES:
            raise ValueError(f"the replacement of {character!r} is too long for the format")
        if replacement not in starts:
            starts[replacement] = len(pool)
            pool += replacement
        encoded[character] = _CHANGES | starts[replacement] << _START_SHIFT | len(replacement)
    # A trie has no place for the empty key, which is how tf-text sees a zero byte.
    zero = encoded.pop(b"\0")
    return _flatbuffer(lowercase, build_double_array_trie(encoded), zero, bytes(pool))


def _replacements(lowercase: bool, strip_accents: bool) -> Iterator[tuple[bytes, bytes]]:
    """Yields every character that changes, in UTF-8, and what it changes to."""
    for character in map(chr, range(sys.maxunicode + 1)):
        if unicodedata.category(character) in ("Cs", "Co", "Cn"):
            continue  # surrogates, which UTF-8 has not, and what is kept: private, unassigned
        replacement = normalized_character(character, lowercase, strip_accents)
        if replacement != character:
            yield character.encode(), replacement.encode()
    for sequence in _ill_formed_sequences():
        yield sequence, b""


def _ill_formed_sequences() -> Iterator[bytes]:
    """Yields what tf-text (ICU) takes as one unit in text that is not UTF-8.

    These are lone bytes and the beginnings of longer characters. Deleting them is what Google's
    `bytes.decode("utf-8", "ignore")` does.
    """
    for byte in range(0x80, 0x100):
        yield bytes([byte])
    beginnings: set[bytes] = set()
    for code_point in range(0x800, sys.maxunicode + 1, 0x40):
        if not 0xD800 <= code_point < 0xE000:
            character = chr(code_point).encode()
            beginnings.update(character[:length] for length in range(2, len(character)))
    yield from sorted(beginnings)


def _flatbuffer(lowercase: bool, trie, zero: int, pool: bytes) -> bytes:
    """Packs the fields of fast_bert_normalizer_model.fbs, in its order."""
    builder = flatbuffers.Builder(trie.nbytes + len(pool) + 1024)
    trie_array = builder.CreateNumpyVector(trie)
    string_pool = builder.CreateByteVector(pool)
    builder.StartObject(4)
    builder.PrependBoolSlot(0, lowercase, False)
    builder.PrependUOffsetTRelativeSlot(1, trie_array, 0)
    builder.PrependInt32Slot(2, zero, 0)
    builder.PrependUOffsetTRelativeSlot(3, string_pool, 0)
    builder.Finish(builder.EndObject())
    return bytes(builder.Output())


def _file_name(lowercase: bool, strip_accents: bool) -> str:
    parts = ["lowercase"] * lowercase + ["strip_accents"] * strip_accents
    return "-".join(parts or ["cased"]) + ".fbs.xz"


def write_tables(folder: pathlib.Path = pathlib.Path(__file__).parent / _FOLDER) -> None:
    """Writes a table for each setting; by default over those of the package's source."""
    if unicodedata.unidata_version != UNICODE_VERSION:
        raise SystemExit(
            f"The tables are of Unicode {UNICODE_VERSION} (Python 3.11); this Python has Unicode "
            f"{unicodedata.unidata_version}. Change UNICODE_VERSION if ids are to change."
        )
    folder.mkdir(exist_ok=True)
    for setting in itertools.product((False, True), repeat=2):
        path = folder / _file_name(*setting)
        path.write_bytes(lzma.compress(build_normalizer_model(*setting), preset=9))
        print(f"{path}: {path.stat().st_size} bytes")


if __name__ == "__main__":
    write_tables()

"""Traces of a broken conversion in texts: wrong decoding, leftovers of HTML, control characters."""

import collections
import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

from keras_bert_cls.data_check.finding import Finding, Severity
from keras_bert_cls.data_check.split_rows import CheckedRow

_EXCERPT_CHARACTERS = 20

# What cp1252 makes of the bytes 0x80 to 0xBF, beside Latin-1's own reading of them. Quotes and
# dashes follow letters in sound texts, too.
_MARKS = "‘’“”–—…"
_BYTES = "\u0080-\u00bf€‚ƒ„†‡ˆ‰Š‹ŒŽ•˜™š›œžŸ"
_LATIN_MOJIBAKE = re.compile(
    f"[\u00c2\u00c3][{_BYTES}{_MARKS}]|[\u00c4-\u00df][{_BYTES}]"
    f"|[\u00e0-\u00ef][{_BYTES}{_MARKS}]{{2}}"
)
_ENTITY = re.compile(
    r"&(?:amp|lt|gt|quot|nbsp|apos|ldquo|rdquo|hellip|mdash|middot|#\d{2,6}|#x[0-9a-f]{2,6});"
    r"|(?<![&\w])#\d{2,5};|(?<![&\w])(?:quot|nbsp|amp|lt|gt);",
    re.IGNORECASE,
)
_TAG = re.compile(
    r"</?(?:a|b|br|p|div|span|i|em|strong|font|img|table|tr|td|ul|li|h[1-6]|script|style)"
    r"(?:\s[^<>]{0,200})?/?>",
    re.IGNORECASE,
)


class _Damage(NamedTuple):
    name: str
    search: Callable[[str], re.Match | None]
    ascii_too: bool
    severity: Severity
    message: str
    remedy: str


def _latin_mojibake(text: str) -> re.Match | None:
    """Returns a place where characters are the bytes of one UTF-8 character, read as cp1252."""
    for match in _LATIN_MOJIBAKE.finditer(text):
        raw = b"".join(_byte_of(character) for character in match[0])
        try:
            raw.decode("utf-8")
        except UnicodeDecodeError:
            continue
        return match
    return None


def _byte_of(character: str) -> bytes:
    return character.encode("latin-1" if character <= "\u00ff" else "cp1252")


_READ_AGAIN = "convert the source again, reading it in its own encoding"
_KINDS = (
    _Damage(
        "replacement characters",
        re.compile("\ufffd").search,
        False,
        Severity.WARNING,
        "U+FFFD stands where a conversion lost characters",
        _READ_AGAIN,
    ),
    _Damage(
        "mojibake",
        _latin_mojibake,
        False,
        Severity.WARNING,
        "UTF-8 that was read as Latin-1, such as Ã© for é or ï¼Œ for ，",
        _READ_AGAIN + ": text.encode('cp1252').decode('utf-8') often mends it",
    ),
    _Damage(
        "mojibake",
        re.compile("锟斤拷|[锛銆鈥鐨]").search,
        False,
        Severity.WARNING,
        "UTF-8 that was read as GBK, such as 锛 for ，",
        _READ_AGAIN,
    ),
    _Damage(
        "NUL characters",
        re.compile("\0").search,
        True,
        Severity.WARNING,
        "U+0000 stands in the text; the tokenizer drops it",
        "take them out; the source may be binary or UTF-16",
    ),
    _Damage(
        "control characters",
        re.compile("[\x01-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f]").search,
        True,
        Severity.WARNING,
        "control characters stand in the text; the tokenizer drops them",
        "take them out",
    ),
    _Damage(
        "byte order marks",
        re.compile("\ufeff").search,
        False,
        Severity.WARNING,
        "U+FEFF stands inside the text, as where files were joined",
        "take them out",
    ),
    _Damage(
        "private characters",
        re.compile("[\ue000-\uf8ff]").search,
        False,
        Severity.NOTE,
        "private-use characters, such as old emoji: most vocabularies have no token for them",
        "map them to standard characters",
    ),
    _Damage(
        "HTML entities",
        _ENTITY.search,
        True,
        Severity.WARNING,
        "leftovers of HTML, such as &amp; or #39;",
        "unescape the texts: html.unescape in Python",
    ),
    _Damage("HTML tags", _TAG.search, True, Severity.WARNING, "HTML tags", "take the tags out"),
    _Damage(
        "escapes",
        re.compile(r"\\u[0-9a-fA-F]{4}|\\x[0-9a-fA-F]{2}").search,
        True,
        Severity.WARNING,
        r"escapes that were never undone, such as \u4f60",
        "decode the texts as JSON once more",
    ),
)


class TextDamage:
    """Counts the rows with each kind of damage.

    Args:
      examples: how many rows of a kind to show.
    """

    def __init__(self, examples: int):
        self._examples = examples
        self._counts: collections.Counter[tuple[str, int]] = collections.Counter()
        self._shown: dict[tuple[str, int], list[str]] = collections.defaultdict(list)

    def add(self, checked: CheckedRow) -> None:
        """Looks at a row."""
        seen = set()
        for text in checked.texts:
            for number, match in _damages(text):
                place = (checked.split, number)
                if number in seen:
                    continue
                seen.add(number)
                self._counts[place] += 1
                if len(self._shown[place]) < self._examples:
                    self._shown[place].append(f"{checked.row.where}: {excerpt(text, match)}")

    def findings(self, rows: dict[str, int]) -> list[Finding]:
        """Returns a finding for each kind in each split, given the rows of the splits."""
        return [
            Finding(
                _KINDS[number].severity,
                _KINDS[number].name,
                _KINDS[number].message,
                split,
                count,
                count / rows[split],
                tuple(self._shown[split, number]),
                _KINDS[number].remedy,
            )
            for (split, number), count in sorted(self._counts.items(), key=lambda item: -item[1])
        ]


def excerpt(text: str, match: re.Match) -> str:
    """Returns what stands around a match, as Python writes it."""
    start = max(match.start() - _EXCERPT_CHARACTERS, 0)
    end = match.end() + _EXCERPT_CHARACTERS
    return repr(text[start:end])


def _damages(text: str) -> Iterator[tuple[int, re.Match]]:
    ascii_only = text.isascii()
    for number, kind in enumerate(_KINDS):
        if (kind.ascii_too or not ascii_only) and (match := kind.search(text)):
            yield number, match

"""The tokens of a WordPiece vocabulary and their ids."""

import codecs
import dataclasses
import functools
import os
import pathlib

from keras_bert_cls.errors import UserError

PAD = "[PAD]"
UNK = "[UNK]"
CLS = "[CLS]"
SEP = "[SEP]"
MASK = "[MASK]"
SPECIAL_TOKENS = (PAD, UNK, CLS, SEP, MASK)

SUFFIX_INDICATOR = "##"


def is_suffix(token: str) -> bool:
    """Whether a token continues a word."""
    return token.startswith(SUFFIX_INDICATOR) and token != SUFFIX_INDICATOR


def text_of(token: str) -> str:
    """Returns the characters that a token stands for: the token without its "##"."""
    return token.removeprefix(SUFFIX_INDICATOR) if is_suffix(token) else token


@dataclasses.dataclass(frozen=True)
class Vocabulary:
    """A token's id is its place in `tokens`.

    Special tokens are found by name, wherever they stand.

    Attributes:
      tokens: all tokens, distinct and not empty.

    Raises:
      UserError: a special token is missing, or a token is empty, occurs twice or holds a line feed.
    """

    tokens: tuple[str, ...]

    def __post_init__(self):
        object.__setattr__(self, "tokens", tuple(self.tokens))
        _check(self.tokens, "the vocabulary")

    @classmethod
    def from_file(cls, path: str | os.PathLike) -> "Vocabulary":
        r"""Reads a vocabulary file: UTF-8, a token a line.

        Lines end at "\n" and nowhere else: bert-base-chinese holds U+2028 as a token, at which
        `str.splitlines` would cut and shift every later id. Blanks around a token are part of it.
        The last line may lack its "\n". What Windows editors add is taken off, since no id depends
        on it: a byte order mark, and "\r" if every line ends with it.

        Raises:
          UserError: no such file, or not a vocabulary; the message names the line.
        """
        try:
            raw = pathlib.Path(path).read_bytes()
        except OSError as error:
            raise UserError(f"cannot read the vocabulary {path}: {error.strerror}") from error
        tokens = _lines(raw.removeprefix(codecs.BOM_UTF8), path)
        if tokens and all(token.endswith("\r") for token in tokens):
            tokens = [token[:-1] for token in tokens]
        _check(tokens, path)
        return cls(tuple(tokens))

    def save(self, path: str | os.PathLike) -> None:
        """Writes the file that `from_file` reads."""
        text = "".join(f"{token}\n" for token in self.tokens)
        pathlib.Path(path).write_bytes(text.encode())

    def __len__(self) -> int:
        return len(self.tokens)

    def __contains__(self, token: str) -> bool:
        return token in self._ids

    def id_of(self, token: str) -> int:
        """Returns the id of a token.

        Raises:
          KeyError: the vocabulary does not hold the token.
        """
        return self._ids[token]

    @property
    def pad_id(self) -> int:
        """The id of [PAD]."""
        return self._ids[PAD]

    @property
    def unk_id(self) -> int:
        """The id of [UNK]."""
        return self._ids[UNK]

    @property
    def cls_id(self) -> int:
        """The id of [CLS]."""
        return self._ids[CLS]

    @property
    def sep_id(self) -> int:
        """The id of [SEP]."""
        return self._ids[SEP]

    @property
    def mask_id(self) -> int:
        """The id of [MASK]."""
        return self._ids[MASK]

    @functools.cached_property
    def _ids(self) -> dict[str, int]:
        return {token: index for index, token in enumerate(self.tokens)}


def _lines(raw: bytes, path: str | os.PathLike) -> list[str]:
    lines = raw.split(b"\n")
    if not lines[-1]:
        lines.pop()
    tokens = []
    for number, line in enumerate(lines, start=1):
        try:
            tokens.append(line.decode())
        except UnicodeDecodeError as error:
            raise UserError(
                f"{path}:{number}: expected UTF-8, found the byte 0x{line[error.start]:02x} at "
                f"column {error.start + 1}. Convert the vocabulary to UTF-8."
            ) from error
    return tokens


def _check(tokens: tuple[str, ...] | list[str], source: str | os.PathLike) -> None:
    """Raises UserError, with the line in `source`, unless the tokens make a vocabulary."""
    if not tokens:
        raise UserError(f"{source} is empty: expected a vocabulary, a token a line.")
    first_line: dict[str, int] = {}
    for number, token in enumerate(tokens, start=1):
        if not token:
            raise UserError(
                f"{source}:{number}: expected a token, found an empty line. A token's id is the "
                "number of its line, so no line can be skipped: restore the original file."
            )
        if "\n" in token:
            raise UserError(f"{source}:{number}: a token cannot hold a line feed, got {token!r}")
        if token.endswith("\r"):
            raise UserError(
                f"{source}:{number}: the line ends with CRLF and others do not: {token!r}. "
                "Convert the file to LF line ends."
            )
        if token in first_line:
            raise UserError(
                f"{source}:{number}: the token {token!r} stands on line {first_line[token]} already"
            )
        first_line[token] = number
    missing = [token for token in SPECIAL_TOKENS if token not in first_line]
    if missing:
        raise UserError(
            f"{source} lacks {', '.join(missing)}. Expected a BERT vocabulary, a token a line, "
            f"with the special tokens {', '.join(SPECIAL_TOKENS)}; `bertcls-vocab` learns one."
        )

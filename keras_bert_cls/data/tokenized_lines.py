"""Lines of documents -> token ids, many lines at a time."""

import itertools
import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from keras_bert_cls.data.tokenize_ahead import tokenize_ahead
from keras_bert_cls.data.word_segmentation import Segmenter
from keras_bert_cls.text.character_mapping import CHINESE_RANGES
from keras_bert_cls.text.tokenizer import Tokenizer

_CHUNK = 4096

_CHINESE = "".join(f"{chr(first)}-{chr(last)}" for first, last in CHINESE_RANGES)
# Ideographs and what stands between blanks; beside them a text can be cut, no token is.
_WORD = re.compile(rf"\s*(?:[{_CHINESE}]|[^\s{_CHINESE}]+|$)")

NumberedLine = tuple[str, int, str, int]  # text, number of the document, file, line


class TokenizedLines(NamedTuple):
    """Tokenized lines.

    Attributes:
      lines: where they come from.
      lengths: tokens of each.
      token_ids: int32 [tokens], of all lines.
      word_starts: which tokens start a word, uint8 [tokens].
    """

    lines: list[NumberedLine]
    lengths: list[int]
    token_ids: np.ndarray
    word_starts: np.ndarray

    def after(self, line: int, token: int) -> "TokenizedLines":
        """Returns the lines from `line` on, which begins at `token`."""
        return TokenizedLines(
            self.lines[line:],
            self.lengths[line:],
            self.token_ids[token:],
            self.word_starts[token:],
        )

    def followed_by(self, other: "TokenizedLines") -> "TokenizedLines":
        """Returns these and other lines."""
        return TokenizedLines(
            self.lines + other.lines,
            self.lengths + other.lengths,
            np.concatenate([self.token_ids, other.token_ids]),
            np.concatenate([self.word_starts, other.word_starts]),
        )


def tokenize_lines(
    lines: Iterator[NumberedLine], tokenizer: Tokenizer, segmenter: Segmenter | None
) -> Iterator[TokenizedLines]:
    """Tokenizes lines, many at a time."""
    word_starts = _WordStarts(tokenizer, segmenter)
    for chunk, (token_ids,) in tokenize_ahead(lines, _texts_of, tokenizer, _CHUNK):
        yield _tokenized(chunk, token_ids, word_starts)


def _texts_of(lines: list[NumberedLine]) -> list[list[str]]:
    return [[text for text, *_ in lines]]


def _tokenized(
    lines: list[NumberedLine], token_ids: tf.RaggedTensor, word_starts: "_WordStarts"
) -> TokenizedLines:
    lengths = token_ids.row_lengths().numpy().tolist()
    return TokenizedLines(lines, lengths, token_ids.values.numpy(), word_starts(lines, token_ids))


def _split(ragged: tf.RaggedTensor) -> list[np.ndarray]:
    return np.split(ragged.values.numpy(), ragged.row_splits.numpy()[1:-1])


class _WordStarts:
    """Finds which tokens start a word.

    Args:
      tokenizer: made the tokens.
      segmenter: finds the words; None lets the ## pieces say where they start.
    """

    def __init__(self, tokenizer: Tokenizer, segmenter: Segmenter | None):
        starts_word = [not token.startswith("##") for token in tokenizer.vocabulary.tokens]
        self._by_token = np.array(starts_word, np.uint8)
        self._tokenizer, self._segmenter = tokenizer, segmenter

    def __call__(self, lines: list[NumberedLine], token_ids: tf.RaggedTensor) -> np.ndarray:
        """Returns uint8 [tokens] for the tokens of all lines."""
        by_pieces = self._by_token[token_ids.values.numpy()]
        if self._segmenter is None:
            return by_pieces
        words = [list(self._segmenter(text)) for text, *_ in lines]
        every_word = list(itertools.chain.from_iterable(words))
        pieces = _split(self._tokenizer.tokenize(tf.constant(every_word)))
        place, found = 0, []
        fallbacks = np.split(by_pieces, token_ids.row_splits.numpy()[1:-1])
        for line_words, ids, fallback in zip(words, _split(token_ids), fallbacks, strict=True):
            line_pieces = pieces[place : place + len(line_words)]
            place += len(line_words)
            starts = np.zeros(sum(map(len, line_pieces)), np.uint8)
            starts[np.cumsum([0, *(len(p) for p in line_pieces if len(p))])[:-1]] = 1
            # A segmenter that cuts inside a Latin word changes its pieces; then pieces decide.
            same = len(starts) == len(ids) and np.array_equal(np.concatenate(line_pieces), ids)
            found.append(starts if same else fallback)
        return np.concatenate(found)


def cut_between_words(
    chunks: Iterable[TokenizedLines], room: int, tokenizer: Tokenizer
) -> Iterator[TokenizedLines]:
    """Cuts texts so that none has more than `room` tokens, but for long words."""
    word_starts = _WordStarts(tokenizer, None)
    for chunk in chunks:
        if max(chunk.lengths) <= room:
            yield chunk
            continue
        words = [
            _WORD.findall(text) if length > room else []
            for (text, *_), length in zip(chunk.lines, chunk.lengths, strict=True)
        ]
        counts = iter(_token_counts(list(itertools.chain.from_iterable(words)), tokenizer))
        pieces: list[NumberedLine] = []
        for line, line_words in zip(chunk.lines, words, strict=True):
            texts = _join_words(line_words, counts, room) if line_words else [line[0]]
            pieces += [(text, *line[1:]) for text in texts]
        token_ids = tokenizer.tokenize(tf.constant(_texts_of(pieces)[0]))[:, :room]
        yield _tokenized(pieces, token_ids, word_starts)


def _token_counts(words: list[str], tokenizer: Tokenizer) -> list[int]:
    return tokenizer.tokenize(tf.constant(words, tf.string)).row_lengths().numpy().tolist()


def _join_words(words: list[str], lengths: Iterator[int], room: int) -> list[str]:
    """Joins words into texts of at most `room` tokens, given how many tokens each word has."""
    texts: list[list[str]] = [[]]
    size = 0
    for word, length in zip(words, lengths, strict=False):  # the lengths of later lines follow
        if size + length > room and texts[-1]:
            texts.append([])
            size = 0
        texts[-1].append(word)
        size += length
    return ["".join(text) for text in texts]

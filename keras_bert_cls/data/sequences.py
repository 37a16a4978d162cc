"""Documents -> sequences of token ids that are ready for masking."""

import itertools
import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np
import tensorflow as tf
from numpy.typing import ArrayLike

from keras_bert_cls.data.config import PretrainingData
from keras_bert_cls.data.documents import Document
from keras_bert_cls.data.word_segmentation import Segmenter
from keras_bert_cls.text.character_mapping import CHINESE_RANGES
from keras_bert_cls.text.tokenizer import Tokenizer
from keras_bert_cls.text.vocabulary import Vocabulary

_CHUNK = 4096

_CHINESE = "".join(f"{chr(first)}-{chr(last)}" for first, last in CHINESE_RANGES)
# Ideographs and what stands between blanks; beside them a text can be cut, no token is.
_WORD = re.compile(rf"\s*(?:[{_CHINESE}]|[^\s{_CHINESE}]+|$)")

_NumberedLine = tuple[str, int, str, int]  # text, number of the document, file, line


class Sequence(NamedTuple):
    """A sequence with its special tokens.

    Attributes:
      token_ids: int32 [length].
      word_starts: which tokens start a word, uint8 [length].
      first_length: tokens of the first segment.
      text: what was tokenized, its lines joined by "\\n"; of a line that was cut, all of it.
      file, line: where the sequence begins.
    """

    token_ids: np.ndarray
    word_starts: np.ndarray
    first_length: int
    text: str
    file: str
    line: int


class _Line(NamedTuple):
    """A tokenized line; `document` numbers the documents."""

    token_ids: np.ndarray
    word_starts: np.ndarray
    text: str
    document: int
    file: str
    line: int


def read_sequences(
    documents: Iterable[Document],
    config: PretrainingData,
    tokenizer: Tokenizer,
    segmenter: Segmenter | None = None,
    *,
    cut_text: bool = False,
) -> Iterator[Sequence]:
    """Tokenizes documents and cuts them into sequences.

    A sequence is filled with whole lines of one document up to the maximum length; a line that is
    longer is cut. With a pair objective a sequence holds two segments, split between lines in its
    middle.

    Args:
      documents: what to read.
      config: the maximum length and the pair objective.
      tokenizer: turns text into token ids.
      segmenter: finds the words; None lets the ## pieces say where words start.
      cut_text: cuts long lines in their text, between words, so that the token ids of a sequence
        are those of its text. A word that is longer than a sequence loses its end.
    """
    lines = _tokenize(_numbered_lines(documents), tokenizer, segmenter)
    if cut_text:
        lines = _cut_between_words(lines, _room(config), tokenizer)
    return _cut(lines, config, tokenizer.vocabulary)


def _numbered_lines(documents: Iterable[Document]) -> Iterator[_NumberedLine]:
    for number, document in enumerate(documents):
        for line, text in zip(document.line_numbers, document.lines, strict=True):
            yield text, number, document.file, line


def _room(config: PretrainingData) -> int:
    """Returns how many tokens a sequence holds beside [CLS] and [SEP]."""
    return config.max_length - (3 if config.pair_objective != "none" else 2)


def _tokenize(
    lines: Iterator[_NumberedLine], tokenizer: Tokenizer, segmenter: Segmenter | None
) -> Iterator[_Line]:
    """Tokenizes lines, many at a time."""
    while chunk := list(itertools.islice(lines, _CHUNK)):
        texts = [text for text, *_ in chunk]
        token_ids = _split(tokenizer.tokenize(tf.constant(texts)))
        starts = _word_starts(texts, token_ids, tokenizer, segmenter)
        for numbered, ids, word_starts in zip(chunk, token_ids, starts, strict=True):
            if len(ids):
                yield _Line(ids, word_starts, *numbered)


def _split(ragged: tf.RaggedTensor) -> list[np.ndarray]:
    return np.split(ragged.values.numpy(), ragged.row_splits.numpy()[1:-1])


def _word_starts(
    texts: list[str],
    token_ids: list[np.ndarray],
    tokenizer: Tokenizer,
    segmenter: Segmenter | None,
) -> list[np.ndarray]:
    """Returns for each line which of its tokens start a word."""
    starts_word = [not token.startswith("##") for token in tokenizer.vocabulary.tokens]
    by_token = np.array(starts_word, np.uint8)
    by_pieces = [by_token[ids] for ids in token_ids]
    if segmenter is None:
        return by_pieces
    words = [list(segmenter(text)) for text in texts]
    pieces = _split(tokenizer.tokenize(tf.constant(list(itertools.chain.from_iterable(words)))))
    place, found = 0, []
    for line_words, ids, fallback in zip(words, token_ids, by_pieces, strict=True):
        line_pieces = pieces[place : place + len(line_words)]
        place += len(line_words)
        starts = np.zeros(sum(map(len, line_pieces)), np.uint8)
        starts[np.cumsum([0, *(len(p) for p in line_pieces if len(p))])[:-1]] = 1
        # A segmenter that cuts inside a Latin word changes its pieces; then pieces decide.
        same = len(starts) == len(ids) and np.array_equal(np.concatenate(line_pieces), ids)
        found.append(starts if same else fallback)
    return found


def _cut_between_words(lines: Iterator[_Line], room: int, tokenizer: Tokenizer) -> Iterator[_Line]:
    """Cuts texts so that none has more than `room` tokens, but for long words."""
    while chunk := list(itertools.islice(lines, _CHUNK)):
        words = [_WORD.findall(line.text) if len(line.token_ids) > room else [] for line in chunk]
        lengths = iter(_token_counts(list(itertools.chain.from_iterable(words)), tokenizer))
        pieces: list[_Line] = []
        for line, line_words in zip(chunk, words, strict=True):
            texts = _join_words(line_words, lengths, room) if line_words else [line.text]
            pieces += [line._replace(text=text) for text in texts]
        texts = [piece.text for piece in pieces]
        token_ids = [ids[:room] for ids in _split(tokenizer.tokenize(tf.constant(texts)))]
        starts = _word_starts(texts, token_ids, tokenizer, None)
        for piece, ids, word_starts in zip(pieces, token_ids, starts, strict=True):
            if len(ids):
                yield piece._replace(token_ids=ids, word_starts=word_starts)


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


def _cut(
    lines: Iterable[_Line], config: PretrainingData, vocabulary: Vocabulary
) -> Iterator[Sequence]:
    """Fills sequences with whole lines of one document."""
    pairs = config.pair_objective != "none"
    room = _room(config)
    held: list[_Line] = []
    size = 0
    for line in itertools.chain.from_iterable(_pieces(line, room) for line in lines):
        if held and (line.document != held[0].document or size + len(line.token_ids) > room):
            yield _frame(held, vocabulary, pairs)
            held, size = [], 0
        held.append(line)
        size += len(line.token_ids)
    if held:
        yield _frame(held, vocabulary, pairs)


def _pieces(line: _Line, room: int) -> Iterator[_Line]:
    for start in range(0, len(line.token_ids), room):
        part = slice(start, start + room)
        yield line._replace(token_ids=line.token_ids[part], word_starts=line.word_starts[part])


def _frame(lines: list[_Line], vocabulary: Vocabulary, pairs: bool) -> Sequence:
    """Puts [CLS] before and [SEP] after a sequence, and between the segments of a pair."""
    token_ids = np.concatenate([line.token_ids for line in lines])
    starts = np.concatenate([line.word_starts for line in lines])
    cls_id, sep_id = vocabulary.cls_id, vocabulary.sep_id
    split = len(token_ids)
    if pairs:
        # Between lines where possible, else in the middle of the only line.
        ends = np.cumsum([len(line.token_ids) for line in lines])[:-1]
        middle = len(token_ids) / 2
        split = int(ends[np.argmin(abs(ends - middle))]) if len(ends) else len(token_ids) // 2
    framed: list[ArrayLike] = [[cls_id], token_ids[:split], [sep_id]]
    framed_starts: list[ArrayLike] = [[1], starts[:split], [1]]
    if pairs:
        framed += [token_ids[split:], [sep_id]]
        framed_starts += [starts[split:], [1]]
    return Sequence(
        np.concatenate(framed).astype(token_ids.dtype),
        np.concatenate(framed_starts).astype(np.uint8),
        split + 2,
        "\n".join(line.text for line in lines),
        lines[0].file,
        lines[0].line,
    )

"""Documents -> sequences of token ids that are ready for masking."""

import itertools
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np

from keras_bert_cls.data.config import PretrainingData
from keras_bert_cls.data.documents import Document
from keras_bert_cls.data.tokenized_lines import (
    NumberedLine,
    TokenizedLines,
    cut_between_words,
    tokenize_lines,
)
from keras_bert_cls.data.word_segmentation import Segmenter
from keras_bert_cls.text.tokenizer import Tokenizer
from keras_bert_cls.text.vocabulary import Vocabulary


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
    lines = tokenize_lines(_numbered_lines(documents), tokenizer, segmenter)
    if cut_text:
        lines = cut_between_words(lines, _room(config), tokenizer)
    return _cut(lines, config, tokenizer.vocabulary)


def _numbered_lines(documents: Iterable[Document]) -> Iterator[NumberedLine]:
    for number, document in enumerate(documents):
        for line, text in zip(document.line_numbers, document.lines, strict=True):
            yield text, number, document.file, line


def _room(config: PretrainingData) -> int:
    """Returns how many tokens a sequence holds beside [CLS] and [SEP]."""
    return config.max_length - (3 if config.pair_objective != "none" else 2)


def _cut(
    chunks: Iterable[TokenizedLines], config: PretrainingData, vocabulary: Vocabulary
) -> Iterator[Sequence]:
    """Fills sequences with whole lines of one document."""
    pairs = config.pair_objective != "none"
    room = _room(config)
    rest: TokenizedLines | None = None
    for chunk in chunks:
        lines = _pieces(chunk, room)
        if rest is not None:
            lines = rest.followed_by(lines)
        starts = _starts(lines, room)
        # The next chunk may have more of the last sequence.
        yield from _framed(lines, starts, vocabulary, pairs)
        if starts:
            rest = lines.after(starts[-1], sum(lines.lengths[: starts[-1]]))
    if rest is not None:
        yield from _framed(rest, [0, len(rest.lines)], vocabulary, pairs)


def _pieces(chunk: TokenizedLines, room: int) -> TokenizedLines:
    """Makes several lines of one that is longer than `room`, and none of one without tokens."""
    lines, lengths = [], []
    for line, length in zip(chunk.lines, chunk.lengths, strict=True):
        for start in range(0, length, room):
            lines.append(line)
            lengths.append(min(room, length - start))
    return chunk._replace(lines=lines, lengths=lengths)


def _starts(lines: TokenizedLines, room: int) -> list[int]:
    """Returns the first line of each sequence."""
    starts: list[int] = []
    document = size = -1
    for number, (line, length) in enumerate(zip(lines.lines, lines.lengths, strict=True)):
        size += length
        if line[1] != document or size > room:
            starts.append(number)
            document, size = line[1], length
    return starts


def _framed(
    lines: TokenizedLines, starts: list[int], vocabulary: Vocabulary, pairs: bool
) -> Iterator[Sequence]:
    """Yields the sequences between `starts`.

    Puts [CLS] before and [SEP] after each, and between the segments of a pair.
    """
    ends = np.cumsum([0, *lines.lengths])  # of the lines before each line
    bounds = ends[starts]
    if pairs:
        splits = [_middle(ends[first : last + 1]) for first, last in itertools.pairwise(starts)]
        places = np.stack([bounds[:-1], np.array(splits, np.int64), bounds[1:]], axis=1)
    else:
        places = np.stack([bounds[:-1], bounds[1:]], axis=1)
    frame = [vocabulary.cls_id] + [vocabulary.sep_id] * (places.shape[1] - 1)
    whole = slice(bounds[-1] if len(bounds) else 0)
    token_ids = np.insert(lines.token_ids[whole], places.ravel(), frame * len(places))
    word_starts = np.insert(lines.word_starts[whole], places.ravel(), 1)
    first_lengths = (places[:, 1] - places[:, 0] + 2).tolist()
    framed_bounds = (bounds + len(frame) * np.arange(len(bounds))).tolist()
    for number, (first, last) in enumerate(itertools.pairwise(starts)):
        part = slice(framed_bounds[number], framed_bounds[number + 1])
        _, _, file, line = lines.lines[first]
        yield Sequence(
            token_ids[part],
            word_starts[part],
            first_lengths[number],
            "\n".join(text for text, *_ in lines.lines[first:last]),
            file,
            line,
        )


def _middle(ends: np.ndarray) -> int:
    """Returns where to split lines: between lines where possible, else in the middle of the one."""
    middle = (ends[0] + ends[-1]) / 2
    between = ends[1:-1]
    return int(between[np.argmin(abs(between - middle))] if len(between) else middle)

"""Documents -> a token store of sequences that are ready for masking."""

import itertools
import os
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

import numpy as np
import tensorflow as tf
from numpy.typing import ArrayLike
from tqdm import tqdm

from keras_bert_cls.data.bad_rows import BadRows
from keras_bert_cls.data.config import PretrainingData
from keras_bert_cls.data.documents import Document, iterate_documents
from keras_bert_cls.data.sequence_columns import SEQUENCE_COLUMNS, SourceIndex, token_dtype
from keras_bert_cls.data.source_files import find_files
from keras_bert_cls.data.token_store import TokenStore, write_token_store
from keras_bert_cls.data.word_segmentation import Segmenter, load_segmenter
from keras_bert_cls.errors import UserError
from keras_bert_cls.text.tokenizer import Tokenizer
from keras_bert_cls.text.vocabulary import Vocabulary

_CHUNK = 4096

_NumberedLine = tuple[str, int, str, int]  # text, number of the document, file, line


class _Line(NamedTuple):
    """A tokenized line; `document` numbers the documents."""

    token_ids: np.ndarray
    word_starts: np.ndarray
    document: int
    file: str
    line: int


class _Sequence(NamedTuple):
    token_ids: np.ndarray
    word_starts: np.ndarray
    first_length: int
    file: str
    line: int


def build_pretraining_store(
    folder: str | os.PathLike,
    files: tuple[str, ...],
    config: PretrainingData,
    tokenizer: Tokenizer,
    title: str = "reading",
) -> TokenStore:
    """Reads and tokenizes documents and cuts them into sequences.

    A sequence is filled with whole lines of one document up to the maximum length; a line that is
    longer is cut. With a pair objective a sequence holds two segments, split between lines in its
    middle.

    The store has the sequence columns, and `word_starts` (uint8, one a token) if a segmenter finds
    the words. Its description holds `sources` and `skipped` as `build_classification_store`'s.

    Raises:
      UserError: a line cannot be used and the config does not say to skip it, or none is left.
    """
    segmenter = load_segmenter(config.word_segmenter)
    columns = {"token_ids": token_dtype(len(tokenizer.vocabulary)), **SEQUENCE_COLUMNS}
    if segmenter is not None:
        columns["word_starts"] = "uint8"
    ragged = tuple(name for name in ("token_ids", "word_starts") if name in columns)
    bad_rows = BadRows(config.on_bad_row)
    sources = SourceIndex()
    description: dict = {}
    documents = iterate_documents(
        files,
        config.text_column,
        config.file_format,
        one_document_per_line=config.one_document_per_line,
        bad_rows=bad_rows,
    )
    formats = {file.name: file.file_format for file in find_files(files, config.file_format)}
    lines = _tokenize(_numbered_lines(documents, formats), tokenizer, segmenter)
    sequences = _cut(lines, config, tokenizer.vocabulary)
    with write_token_store(folder, columns, ragged, description) as writer:
        with tqdm(desc=title, unit=" tokens", unit_scale=True, disable=None, leave=False) as bar:
            while chunk := list(itertools.islice(sequences, _CHUNK)):
                lengths = np.array([len(sequence.token_ids) for sequence in chunk])
                values = {
                    "token_ids": np.concatenate([sequence.token_ids for sequence in chunk]),
                    "word_starts": np.concatenate([sequence.word_starts for sequence in chunk]),
                    "first_length": np.array([sequence.first_length for sequence in chunk]),
                    "file": np.array([sources.number(sequence.file) for sequence in chunk]),
                    "line": np.array([sequence.line for sequence in chunk]),
                }
                writer.append(values, dict.fromkeys(ragged, lengths))
                bar.update(int(lengths.sum()))
        description["sources"] = sources.names
        description["skipped"] = bad_rows.summary()
        if not writer.rows:
            raise UserError(f"no text is left in {', '.join(files)}. {description['skipped']}")
    return TokenStore(folder)


def _numbered_lines(
    documents: Iterable[Document], formats: Mapping[str, str]
) -> Iterator[_NumberedLine]:
    for number, document in enumerate(documents):
        # In a table the lines of a document are in one row.
        step = 1 if formats[document.file] == "txt" else 0
        for offset, text in enumerate(document.lines):
            yield text, number, document.file, document.line + offset * step


def _tokenize(
    lines: Iterator[_NumberedLine], tokenizer: Tokenizer, segmenter: Segmenter | None
) -> Iterator[_Line]:
    """Tokenizes lines, many at a time."""
    while chunk := list(itertools.islice(lines, _CHUNK)):
        texts = [text for text, *_ in chunk]
        token_ids = _split(tokenizer.tokenize(tf.constant(texts)))
        starts = _word_starts(texts, token_ids, tokenizer, segmenter)
        for (_, number, file, line), ids, word_starts in zip(chunk, token_ids, starts, strict=True):
            if len(ids):
                yield _Line(ids, word_starts, number, file, line)


def _split(ragged: tf.RaggedTensor) -> list[np.ndarray]:
    return np.split(ragged.values.numpy(), ragged.row_splits.numpy()[1:-1])


def _word_starts(
    texts: list[str],
    token_ids: list[np.ndarray],
    tokenizer: Tokenizer,
    segmenter: Segmenter | None,
) -> list[np.ndarray]:
    """Returns for each line which of its tokens start a word."""
    tokens = tokenizer.vocabulary.tokens
    by_pieces = [
        np.array([not tokens[i].startswith("##") for i in ids], np.uint8) for ids in token_ids
    ]
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


def _cut(
    lines: Iterable[_Line], config: PretrainingData, vocabulary: Vocabulary
) -> Iterator[_Sequence]:
    """Fills sequences with whole lines of one document."""
    pairs = config.pair_objective != "none"
    room = config.max_length - (3 if pairs else 2)
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


def _frame(lines: list[_Line], vocabulary: Vocabulary, pairs: bool) -> _Sequence:
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
    return _Sequence(
        np.concatenate(framed).astype(token_ids.dtype),
        np.concatenate(framed_starts).astype(np.uint8),
        split + 2,
        lines[0].file,
        lines[0].line,
    )

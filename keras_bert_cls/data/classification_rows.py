"""Labelled files -> a token store: every row is read, checked and tokenized once."""

import itertools
import os
from collections.abc import Iterable, Iterator

import numpy as np
import tensorflow as tf
from tqdm import tqdm

from keras_bert_cls.data.bad_rows import BadRows
from keras_bert_cls.data.config import ClassificationData
from keras_bert_cls.data.labels import LabelSet, rows_with_targets
from keras_bert_cls.data.left_out_rows import without_left_out
from keras_bert_cls.data.readers import read_rows
from keras_bert_cls.data.rows import Row
from keras_bert_cls.data.sequence_columns import (
    SEQUENCE_COLUMNS,
    SourceIndex,
    framed_rows,
    token_dtype,
)
from keras_bert_cls.data.table_spec import TableSpec
from keras_bert_cls.data.targets import held_out_texts, read_labels, target_of
from keras_bert_cls.data.text_keys import text_key
from keras_bert_cls.data.token_store import TokenStore, TokenStoreWriter, write_token_store
from keras_bert_cls.data.tokenize_ahead import tokenize_ahead
from keras_bert_cls.errors import UserError
from keras_bert_cls.text.tokenizer import Tokenizer
from keras_bert_cls.text.vocabulary import Vocabulary

__all__ = ["build_classification_store", "held_out_texts", "read_labels"]

_CHUNK = 1024

_Pair = tuple[Row, object]  # a row and its target


def build_classification_store(
    folder: str | os.PathLike,
    files: tuple[str, ...],
    config: ClassificationData,
    tokenizer: Tokenizer,
    labels: LabelSet | None,
    leave_out: Iterable[bytes] = (),
    title: str = "reading",
    unlabelled: TableSpec | None = None,
) -> TokenStore:
    """Reads, checks and tokenizes one split.

    The store has the sequence columns and `target`: an int32 label id, or float32 for regression,
    or for multi-label a list of label ids. Its description holds `sources` (file names), `skipped`
    (a report for the user, "" if nothing was), `left_out` and `truncated` (numbers of rows). With
    `unlabelled` the rows of those files follow; the column `labelled` is 0 for them, their target
    says nothing, and the description counts them as `unlabelled`.

    Args:
      folder: where the store goes.
      files: paths and glob patterns of the split.
      config: how to read them.
      tokenizer: turns text into token ids.
      labels: from `read_labels`.
      leave_out: `text_key` of rows to leave out.
      title: of the progress bar.
      unlabelled: files of texts without labels, and how to read them; None for none.

    Raises:
      UserError: a row cannot be used and the config does not say to skip it, or none is left.
    """
    multi_label = config.task == "multi_label"
    columns = {
        "token_ids": token_dtype(len(tokenizer.vocabulary)),
        "target": "float32" if config.task == "regression" else "int32",
        **SEQUENCE_COLUMNS,
    }
    bad_rows = BadRows(config.on_bad_row)
    unknown = BadRows(config.unknown_label, option="unknown_label")
    sources = SourceIndex()
    description: dict = {"left_out": 0, "truncated": 0}
    leave_out = set(leave_out)

    def kept(rows: Iterable[Row]) -> Iterator[Row]:
        return without_left_out(
            rows, leave_out, lambda row: text_key(row.text, row.text_pair), description
        )

    def texts_of(chunk: list[_Pair]) -> list[list[str]]:
        texts = [[row.text for row, _ in chunk]]
        if config.text_pair_column is not None:
            texts.append([row.text_pair or "" for row, _ in chunk])
        return texts

    rows = kept(read_rows(files, config.table(files), bad_rows))
    pairs: Iterator[_Pair] = rows_with_targets(
        rows, lambda row: target_of(row, config, labels), unknown
    )
    if unlabelled is not None:
        columns["labelled"], description["unlabelled"] = "uint8", 0
        more = kept(read_rows(unlabelled.files, unlabelled, bad_rows))
        pairs = itertools.chain(pairs, ((row, None) for row in more))
    ragged = ("token_ids", "target") if multi_label else ("token_ids",)
    with write_token_store(folder, columns, ragged, description) as writer:
        with tqdm(desc=title, unit=" rows", unit_scale=True, disable=None, leave=False) as progress:
            for chunk, segments in tokenize_ahead(pairs, texts_of, tokenizer, _CHUNK):
                truncated = _append(writer, chunk, segments, config, tokenizer.vocabulary, sources)
                description["truncated"] += truncated
                if unlabelled is not None:
                    description["unlabelled"] += sum(target is None for _, target in chunk)
                progress.update(len(chunk))
        description["sources"] = sources.names
        reports = (bad_rows.summary(), unknown.summary())
        description["skipped"] = "\n".join(report for report in reports if report)
        if not writer.rows:
            raise UserError(f"no row is left in {', '.join(files)}. {description['skipped']}")
    return TokenStore(folder)


def _append(
    writer: TokenStoreWriter,
    chunk: list[_Pair],
    segments: list[tf.RaggedTensor],
    config: ClassificationData,
    vocabulary: Vocabulary,
    sources: SourceIndex,
) -> int:
    """Writes rows; returns how many of them were cut at the maximum length."""
    rows = [row for row, _ in chunk]
    token_ids, lengths, first_lengths = framed_rows(vocabulary, segments, config.max_length)
    values = {
        "token_ids": token_ids,
        "first_length": first_lengths,
        "file": np.array([sources.number(row.file) for row in rows]),
        "line": np.array([row.line for row in rows]),
    }
    no_target: object = () if config.task == "multi_label" else 0
    targets = [no_target if target is None else target for _, target in chunk]
    values["labelled"] = np.array([target is not None for _, target in chunk])
    all_lengths = {"token_ids": lengths}
    if config.task == "multi_label":
        values["target"] = np.array(list(itertools.chain.from_iterable(targets)), np.int32)  # type: ignore[arg-type]
        all_lengths["target"] = np.array([len(target) for target in targets])  # type: ignore[arg-type]
    else:
        values["target"] = np.array(targets)
    writer.append(values, all_lengths)
    whole = sum(segment.row_lengths().numpy() for segment in segments) + len(segments) + 1
    return int((whole > lengths).sum())

"""Labelled files -> a token store: every row is read, checked and tokenized once."""

import itertools
import os
from collections.abc import Iterable, Iterator

import numpy as np
import tensorflow as tf
from tqdm import tqdm

from keras_bert_cls.data.bad_rows import BadRows
from keras_bert_cls.data.config import ClassificationData
from keras_bert_cls.data.labels import LabelSet, regression_value, rows_with_targets, split_labels
from keras_bert_cls.data.readers import read_rows
from keras_bert_cls.data.rows import Row
from keras_bert_cls.data.sequence_columns import (
    SEQUENCE_COLUMNS,
    SourceIndex,
    token_dtype,
    unpadded,
)
from keras_bert_cls.data.token_store import TokenStore, TokenStoreWriter, write_token_store
from keras_bert_cls.errors import UserError
from keras_bert_cls.text.packing import pack_texts
from keras_bert_cls.text.tokenizer import Tokenizer

_CHUNK = 2048
_Texts = tuple[str, str | None]


def read_labels(config: ClassificationData) -> LabelSet | None:
    """Returns the labels of a task: from the labels file or the training data; None if regression.

    Raises:
      UserError: a file cannot be read, or fewer than two labels are there.
    """
    if config.task == "regression":
        return None
    if config.labels_file:
        labels = LabelSet.from_file(config.labels_file)
    else:
        rows = read_rows(
            config.train_files, config.table(config.train_files), BadRows(config.on_bad_row)
        )
        bad_labels = BadRows(config.unknown_label, option="unknown_label")
        labelled = rows_with_targets(rows, lambda row: _label_names(row, config), bad_labels)
        separator = config.label_separator if config.task == "multi_label" else None
        labels = LabelSet.from_rows((row for row, _ in labelled), separator)
    if len(labels) < 2 and config.task == "single_label":
        place = config.labels_file or ", ".join(config.train_files)
        raise UserError(f"{place}: expected at least two labels, found only {labels.names[0]!r}")
    return labels


def _label_names(row: Row, config: ClassificationData) -> tuple[str, ...]:
    if config.task == "multi_label":
        return split_labels(row.label, row.where, config.label_separator)
    return LabelSet.from_rows([row]).names


def held_out_texts(config: ClassificationData) -> set[_Texts]:
    """Returns the texts of dev and test, to be left out of training."""
    files = (*config.dev_files, *config.test_files)
    if not files:
        return set()
    rows = read_rows(files, config.table(files), BadRows(config.on_bad_row))
    return {(row.text, row.text_pair) for row in rows}


def build_classification_store(
    folder: str | os.PathLike,
    files: tuple[str, ...],
    config: ClassificationData,
    tokenizer: Tokenizer,
    labels: LabelSet | None,
    leave_out: Iterable[_Texts] = (),
    title: str = "reading",
) -> TokenStore:
    """Reads, checks and tokenizes one split.

    The store has the sequence columns and `target`: an int32 label id, or float32 for regression,
    or for multi-label a list of label ids. Its description holds `sources` (file names), `skipped`
    (a report for the user, "" if nothing was), `left_out` and `truncated` (numbers of rows).

    Args:
      folder: where the store goes.
      files: paths and glob patterns of the split.
      config: how to read them.
      tokenizer: turns text into token ids.
      labels: from `read_labels`.
      leave_out: (text, text_pair) of rows to leave out.
      title: of the progress bar.

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
        for row in rows:
            if (row.text, row.text_pair) in leave_out:
                description["left_out"] += 1
            else:
                yield row

    rows = kept(read_rows(files, config.table(files), bad_rows))
    pairs = rows_with_targets(rows, lambda row: _target(row, config, labels), unknown)
    ragged = ("token_ids", "target") if multi_label else ("token_ids",)
    with write_token_store(folder, columns, ragged, description) as writer:
        with tqdm(desc=title, unit=" rows", unit_scale=True, disable=None, leave=False) as progress:
            while chunk := list(itertools.islice(pairs, _CHUNK)):
                truncated = _append(writer, chunk, config, tokenizer, sources)
                description["truncated"] += truncated
                progress.update(len(chunk))
        description["sources"] = sources.names
        reports = (bad_rows.summary(), unknown.summary())
        description["skipped"] = "\n".join(report for report in reports if report)
        if not writer.rows:
            raise UserError(f"no row is left in {', '.join(files)}. {description['skipped']}")
    return TokenStore(folder)


def _target(row: Row, config: ClassificationData, labels: LabelSet | None):
    if labels is None:
        return regression_value(row.label, row.where)
    if config.task == "multi_label":
        return labels.ids_of(row.label, row.where, config.label_separator)
    return labels.id_of(row.label, row.where)


def _append(
    writer: TokenStoreWriter,
    chunk: list[tuple[Row, object]],
    config: ClassificationData,
    tokenizer: Tokenizer,
    sources: SourceIndex,
) -> int:
    """Tokenizes and writes rows; returns how many of them were cut at the maximum length."""
    rows = [row for row, _ in chunk]
    texts = [[row.text for row in rows]]
    if config.text_pair_column is not None:
        texts.append([row.text_pair or "" for row in rows])
    segments = [tokenizer.tokenize(tf.constant(column)) for column in texts]
    packed = pack_texts(tokenizer.vocabulary, segments, max_length=config.max_length)
    token_ids, lengths, first_lengths = unpadded(packed)
    values = {
        "token_ids": token_ids,
        "first_length": first_lengths,
        "file": np.array([sources.number(row.file) for row in rows]),
        "line": np.array([row.line for row in rows]),
    }
    targets = [target for _, target in chunk]
    all_lengths = {"token_ids": lengths}
    if config.task == "multi_label":
        values["target"] = np.array(list(itertools.chain.from_iterable(targets)), np.int32)  # type: ignore[arg-type]
        all_lengths["target"] = np.array([len(target) for target in targets])  # type: ignore[arg-type]
    else:
        values["target"] = np.array(targets)
    writer.append(values, all_lengths)
    whole = sum(segment.row_lengths().numpy() for segment in segments) + len(segments) + 1
    return int((whole > lengths).sum())

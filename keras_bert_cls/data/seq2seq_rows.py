"""Files of texts and targets -> a token store: every row is read, checked and tokenized once."""

import os
from collections.abc import Iterable

import numpy as np
import tensorflow as tf
from tqdm import tqdm

from keras_bert_cls.data.bad_rows import BadRows
from keras_bert_cls.data.left_out_rows import without_left_out
from keras_bert_cls.data.readers import read_rows
from keras_bert_cls.data.rows import Row
from keras_bert_cls.data.seq2seq_config import Seq2SeqData
from keras_bert_cls.data.sequence_columns import (
    SEQUENCE_COLUMNS,
    SourceIndex,
    framed_rows,
    token_dtype,
)
from keras_bert_cls.data.text_keys import text_key
from keras_bert_cls.data.token_store import TokenStore, TokenStoreWriter, write_token_store
from keras_bert_cls.data.tokenize_ahead import tokenize_ahead
from keras_bert_cls.errors import UserError
from keras_bert_cls.text.tokenizer import Tokenizer
from keras_bert_cls.text.vocabulary import Vocabulary

_CHUNK = 1024
_RAGGED = ("token_ids", "target_ids")


def build_seq2seq_store(
    folder: str | os.PathLike,
    files: tuple[str, ...],
    config: Seq2SeqData,
    tokenizer: Tokenizer,
    leave_out: Iterable[bytes] = (),
    title: str = "reading",
) -> TokenStore:
    """Reads, checks and tokenizes one split.

    The store has the sequence columns, of the text, and `target_ids`, those of the target without
    special tokens. Its description is that of `build_classification_store`; a row counts as
    truncated where its text or its target was cut, and `max_target_length` is the config's.

    Args:
      folder: where the store goes.
      files: paths and glob patterns of the split.
      config: how to read them.
      tokenizer: turns text into token ids.
      leave_out: `text_key` of texts whose rows are left out.
      title: of the progress bar.

    Raises:
      UserError: a row cannot be used and the config does not say to skip it, or none is left.
    """
    dtype = token_dtype(len(tokenizer.vocabulary))
    columns = {"token_ids": dtype, "target_ids": dtype, **SEQUENCE_COLUMNS}
    bad_rows, sources, leave_out = BadRows(config.on_bad_row), SourceIndex(), set(leave_out)
    description: dict = {
        "left_out": 0,
        "truncated": 0,
        "max_target_length": config.max_target_length,
    }

    def texts_of(rows: list[Row]) -> list[list[str]]:
        return [[row.text for row in rows], [row.text_pair or "" for row in rows]]

    rows = without_left_out(
        read_rows(files, config.table(files), bad_rows),
        leave_out,
        lambda row: text_key(row.text),
        description,
    )
    with write_token_store(folder, columns, _RAGGED, description) as writer:
        with tqdm(desc=title, unit=" rows", unit_scale=True, disable=None, leave=False) as progress:
            for chunk, (texts, targets) in tokenize_ahead(rows, texts_of, tokenizer, _CHUNK):
                truncated = _append(
                    writer, chunk, texts, targets, config, tokenizer.vocabulary, sources
                )
                description["truncated"] += truncated
                progress.update(len(chunk))
        description["sources"] = sources.names
        description["skipped"] = bad_rows.summary()
        if not writer.rows:
            raise UserError(f"no row is left in {', '.join(files)}. {description['skipped']}")
    return TokenStore(folder)


def held_out_sources(config: Seq2SeqData) -> set[bytes]:
    """Returns the `text_key` of the texts of dev and test, to be left out of training."""
    files = (*config.dev_files, *config.test_files)
    if not files:
        return set()
    rows = read_rows(files, config.table(files), BadRows(config.on_bad_row))
    return {text_key(row.text) for row in rows}


def _append(
    writer: TokenStoreWriter,
    rows: list[Row],
    texts: tf.RaggedTensor,
    targets: tf.RaggedTensor,
    config: Seq2SeqData,
    vocabulary: Vocabulary,
    sources: SourceIndex,
) -> int:
    """Writes rows; returns of how many the text or the target was cut."""
    token_ids, lengths, first_lengths = framed_rows(vocabulary, [texts], config.max_length)
    kept = targets[:, : config.max_target_length - 1]  # one is for the end
    values = {
        "token_ids": token_ids,
        "target_ids": kept.values.numpy(),
        "first_length": first_lengths,
        "file": np.array([sources.number(row.file) for row in rows]),
        "line": np.array([row.line for row in rows]),
    }
    kept_lengths = kept.row_lengths().numpy()
    writer.append(values, {"token_ids": lengths, "target_ids": kept_lengths})
    is_cut = (texts.row_lengths().numpy() + 2 > lengths) | (
        targets.row_lengths().numpy() > kept_lengths
    )
    return int(is_cut.sum())

"""Documents -> a token store of sequences that are ready for masking."""

import itertools
import os

import numpy as np
from tqdm import tqdm

from keras_bert_cls.data.bad_rows import BadRows
from keras_bert_cls.data.config import PretrainingData
from keras_bert_cls.data.documents import iterate_documents
from keras_bert_cls.data.sequence_columns import SEQUENCE_COLUMNS, SourceIndex, token_dtype
from keras_bert_cls.data.sequences import read_sequences
from keras_bert_cls.data.token_store import TokenStore, write_token_store
from keras_bert_cls.data.word_segmentation import load_segmenter
from keras_bert_cls.errors import UserError
from keras_bert_cls.text.tokenizer import Tokenizer

_CHUNK = 4096


def build_pretraining_store(
    folder: str | os.PathLike,
    files: tuple[str, ...],
    config: PretrainingData,
    tokenizer: Tokenizer,
    title: str = "reading",
) -> TokenStore:
    """Reads and tokenizes documents and cuts them into sequences; see `read_sequences`.

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
    sequences = read_sequences(documents, config, tokenizer, segmenter)
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

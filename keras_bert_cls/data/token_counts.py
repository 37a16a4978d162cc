"""How often each token of a vocabulary is to be predicted in the training data of a masked LM."""

import os

import numpy as np
import tensorflow as tf

from keras_bert_cls.data.packed_shards import PackedShards
from keras_bert_cls.data.sequence_records import SequenceParser
from keras_bert_cls.data.token_store import TokenStore
from keras_bert_cls.text.tokenizer import Tokenizer
from keras_bert_cls.text.vocabulary import Vocabulary

_TOKENS_AT_ONCE = 2**24
_RECORDS_AT_ONCE = 1024
# Of packed shards so many tokens are counted, the first ones: the order of frequent tokens is the
# same in all of them, and that of rare ones matters little.
_PACKED_TOKENS = 2**24


def store_token_counts(store: TokenStore, vocabulary: Vocabulary) -> np.ndarray:
    """Returns how often each token occurs, int64 [vocabulary]; those never masked count 0.

    Args:
      store: from `build_pretraining_store`.
      vocabulary: what the store's token ids count by.
    """
    token_ids = store.values("token_ids")
    counts = np.zeros(len(vocabulary), np.int64)
    for start in range(0, len(token_ids), _TOKENS_AT_ONCE):
        part = token_ids[start : start + _TOKENS_AT_ONCE]
        counts += np.bincount(part, minlength=len(vocabulary))
    return _without_special(counts, vocabulary)


def packed_token_counts(folder: str | os.PathLike, tokenizer: Tokenizer) -> np.ndarray:
    """Counts the tokens of packed shards, up to some ten millions; see `store_token_counts`."""
    packed, vocabulary = PackedShards.open(folder), tokenizer.vocabulary
    parser = SequenceParser(packed.settings, tokenizer, packed.settings.max_length)
    counts = np.zeros(len(vocabulary), np.int64)
    for shard in packed.shards:
        records = tf.data.TFRecordDataset(str(packed.folder / shard.name))
        for columns in records.batch(_RECORDS_AT_ONCE).map(parser):
            token_ids = columns["token_ids"].numpy().reshape(-1)
            counts += np.bincount(token_ids, minlength=len(vocabulary))
            if counts.sum() - counts[vocabulary.pad_id] >= _PACKED_TOKENS:
                return _without_special(counts, vocabulary)
    return _without_special(counts, vocabulary)


def _without_special(counts: np.ndarray, vocabulary: Vocabulary) -> np.ndarray:
    for token_id in (
        vocabulary.pad_id,
        vocabulary.unk_id,
        vocabulary.cls_id,
        vocabulary.sep_id,
        vocabulary.mask_id,
    ):
        counts[token_id] = 0
    return counts

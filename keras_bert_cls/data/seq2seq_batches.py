"""Rows of texts and targets -> padded arrays of a batch."""

import dataclasses

import numpy as np

from keras_bert_cls.data.batch_source import Shard
from keras_bert_cls.data.batches import WHOLE, Batch, pad_sequences
from keras_bert_cls.data.token_store import TokenStore
from keras_bert_cls.text.vocabulary import Vocabulary


def pair_lengths(store: TokenStore) -> np.ndarray:
    """Returns the tokens of each row's text and target together, int64 [rows]."""
    return np.asarray(store.lengths("token_ids")) + np.asarray(store.lengths("target_ids")) + 1


@dataclasses.dataclass(frozen=True)
class Seq2SeqBatches:
    """Makes batches of texts and targets.

    Attributes:
      store: from `build_seq2seq_store`.
      vocabulary: names the special tokens.
    """

    store: TokenStore
    vocabulary: Vocabulary

    def __call__(self, rows: np.ndarray, step: int, shard: Shard = WHOLE) -> Batch:
        """Returns a worker's part of the arrays of `pad_sequences` and

        decoder_token_ids: int32 [rows, target length], [CLS] and the target;
        target: int32 [rows, target length], the target and [SEP]: what comes next at each place;
        target_weights: float32 [rows, target length], 1 for those and 0 for padding.

        Args:
          rows: of the global batch.
          step: not looked at.
          shard: the worker's part.
        """
        longest = int(self.store.lengths("token_ids")[rows].max())
        longest_target = int(self.store.lengths("target_ids")[rows].max()) + 1
        places = shard.range_of(len(rows))
        rows = rows[places.start : places.stop]
        vocabulary, count = self.vocabulary, len(places)
        most = self.store.description["max_target_length"]  # a decoder may have no more positions
        batch = pad_sequences(
            [self.store.row("token_ids", row) for row in rows],
            self.store.values("first_length")[rows],
            vocabulary.pad_id,
            count,
            longest,
        )
        targets = [self.store.row("target_ids", row) for row in rows]
        read = [np.append(vocabulary.cls_id, target) for target in targets]
        written = [np.append(target, vocabulary.sep_id) for target in targets]
        no_segments = np.zeros(len(rows), np.int32)
        for name, sequences in (("decoder_token_ids", read), ("target", written)):
            padded = pad_sequences(sequences, no_segments, vocabulary.pad_id, count, longest_target)
            batch[name] = padded["token_ids"][:, :most]
        batch["target_weights"] = padded["padding_mask"][:, :most].astype(np.float32)
        return batch

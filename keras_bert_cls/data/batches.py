"""Rows of a token store -> padded arrays of a batch."""

import dataclasses
from typing import NamedTuple

import numpy as np

from keras_bert_cls.data.batch_source import Shard
from keras_bert_cls.data.token_store import TokenStore
from keras_bert_cls.text.vocabulary import Vocabulary

Batch = dict[str, np.ndarray]

WHOLE = Shard()

_LENGTH_MULTIPLE = 8


def pad_sequences(
    sequences: list[np.ndarray],
    first_lengths: np.ndarray,
    pad_id: int,
    rows: int | None = None,
    longest: int | None = None,
) -> Batch:
    """Pads packed sequences to the longest, rounded up to a multiple of 8.

    Args:
      sequences: token ids of each row.
      first_lengths: tokens of each row's first segment.
      pad_id: the id of [PAD].
      rows: of the result; the last ones are empty, and their `sample_weight` is 0. By default as
        many as there are sequences.
      longest: what counts as the longest sequence; by default that of `sequences`.

    Returns:
      token_ids, segment_ids, padding_mask: int32 [rows, length]; sample_weight: float32 [rows].
    """
    count = len(sequences) if rows is None else rows
    longest = max(map(len, sequences)) if longest is None else longest
    length = -(-longest // _LENGTH_MULTIPLE) * _LENGTH_MULTIPLE
    lengths = np.zeros(count, np.int32)
    lengths[: len(sequences)] = [len(sequence) for sequence in sequences]
    first = np.zeros(count, np.int32)
    first[: len(sequences)] = first_lengths
    places = np.arange(length)
    padding_mask = places < lengths[:, np.newaxis]
    token_ids = np.full((count, length), pad_id, np.int32)
    if sequences:
        token_ids[padding_mask] = np.concatenate(sequences)
    return {
        "token_ids": token_ids,
        "segment_ids": (padding_mask & (places >= first[:, np.newaxis])).astype(np.int32),
        "padding_mask": padding_mask.astype(np.int32),
        "sample_weight": (np.arange(count) < len(sequences)).astype(np.float32),
    }


class JudgedRows(NamedTuple):
    """What rows without a label are trained towards.

    Attributes:
      targets: int32 [rows of the store], or float32 [rows of the store, labels] for multi-label.
      weights: float32 [rows of the store].
    """

    targets: np.ndarray
    weights: np.ndarray


@dataclasses.dataclass(frozen=True)
class ClassificationBatches:
    """Makes batches of labelled rows.

    Attributes:
      store: from `build_classification_store`.
      vocabulary: names the padding.
      num_labels: width of a multi-label target.
      teacher_logits: float32 [rows of the store, num_labels]; None if no teacher judged the rows.
      judged: targets and weights of rows in place of the store's; None for the store's.
    """

    store: TokenStore
    vocabulary: Vocabulary
    num_labels: int
    teacher_logits: np.ndarray | None = None
    judged: JudgedRows | None = None

    def __call__(self, rows: np.ndarray, step: int, shard: Shard = WHOLE) -> Batch:
        """Returns a worker's part of the arrays of `pad_sequences` and `target`.

        Args:
          rows: of the global batch.
          step: not looked at.
          shard: the worker's part.

        `target` is int32 [rows] (the label's id), float32 [rows, num_labels] of zeros and ones for
        multi-label, or float32 [rows] for regression. Where they apply there are as well

        labelled: float32 [rows], 0 where the target says nothing;
        teacher_logits: float32 [rows, num_labels].
        """
        longest = int(self.store.lengths("token_ids")[rows].max())
        places = shard.range_of(len(rows))
        rows = rows[places.start : places.stop]
        batch = pad_sequences(
            [self.store.row("token_ids", row) for row in rows],
            self.store.values("first_length")[rows],
            self.vocabulary.pad_id,
            len(places),
            longest,
        )
        batch["target"] = self._targets(rows, len(places))
        if "labelled" in self.store:
            labelled = self.store.values("labelled")[rows].astype(np.float32)
            batch["labelled"] = _padded(labelled, len(places))
        if self.judged is not None:
            batch["sample_weight"] = _padded(self.judged.weights[rows], len(places))
        if self.teacher_logits is not None:
            batch["teacher_logits"] = _padded(self.teacher_logits[rows], len(places))
        return batch

    def _targets(self, rows: np.ndarray, count: int) -> np.ndarray:
        if self.judged is not None:
            return _padded(self.judged.targets[rows], count)
        if self.store.is_ragged("target"):
            targets = np.zeros((count, self.num_labels), np.float32)
            for place, row in enumerate(rows):
                targets[place, self.store.row("target", row)] = 1
            return targets
        return _padded(self.store.values("target")[rows], count)


def _padded(values: np.ndarray, rows: int) -> np.ndarray:
    """Returns values with rows of zeros after them."""
    padded = np.zeros((rows, *values.shape[1:]), values.dtype)
    padded[: len(values)] = values
    return padded


@dataclasses.dataclass(frozen=True)
class PretrainingBatches:
    """Makes batches of unlabelled sequences; masking comes after, in the graph.

    Attributes:
      store: from `build_pretraining_store`.
      vocabulary: names [SEP] and the padding.
      pair_objective: "none", "nsp" or "sop".
      seed: of the pair objective's draws.
    """

    store: TokenStore
    vocabulary: Vocabulary
    pair_objective: str = "none"
    seed: int = 0

    def __call__(self, rows: np.ndarray, step: int, shard: Shard = WHOLE) -> Batch:
        """Returns a worker's part of the arrays of `pad_sequences` and, where they apply,

        word_starts: bool [rows, length];
        pair_target: int32 [rows], 1 if the second segment does not follow the first.

        Args:
          rows: of the global batch.
          step: of the run; the pair objective draws by it.
          shard: the worker's part.
        """
        longest = int(self.store.lengths("token_ids")[rows].max())
        places = shard.range_of(len(rows))
        part = slice(places.start, places.stop)
        rows, (changes, others) = rows[part], (draws[part] for draws in self._draws(rows, step))
        sequences = [self.store.row("token_ids", row) for row in rows]
        starts = [
            self.store.row("word_starts", row) if "word_starts" in self.store else sequence[:0]
            for row, sequence in zip(rows, sequences, strict=True)
        ]
        first = np.array(self.store.values("first_length")[rows])
        pair_target = np.zeros(len(places), np.int32)
        for place in np.flatnonzero(changes):
            pair = (sequences[place], starts[place], first[place])
            if self.pair_objective == "sop":
                pair = self._swap(*pair)
            elif others[place] == rows[place] or len(pair[0]) - pair[2] < 2:
                continue  # No other row, or no second segment: there is nothing to replace.
            else:
                pair = self._replace(*pair, others[place])
            sequences[place], starts[place], first[place] = pair
            pair_target[place] = 1
        batch = pad_sequences(sequences, first, self.vocabulary.pad_id, len(places), longest)
        if "word_starts" in self.store:
            batch["word_starts"] = np.ones(batch["token_ids"].shape, bool)
            if starts:
                batch["word_starts"][batch["padding_mask"] > 0] = np.concatenate(starts) > 0
        if self.pair_objective != "none":
            batch["pair_target"] = pair_target
        return batch

    def _draws(self, rows, step):
        """Draws for a global batch which pairs are changed, and other rows to take from."""
        if self.pair_objective == "none":
            return np.zeros(len(rows), bool), rows
        random = np.random.default_rng((self.seed, step))
        changes = random.random(len(rows)) < 0.5
        count = len(self.store)
        return changes, (rows + 1 + random.integers(max(1, count - 1), size=len(rows))) % count

    def _swap(self, sequence, starts, first):
        """[CLS] a [SEP] b [SEP] -> [CLS] b [SEP] a [SEP] (sentence-order prediction)."""

        def swapped(values):
            return np.concatenate([values[:1], values[first:], values[1:first]])

        new_starts = swapped(starts) if len(starts) else starts
        return swapped(sequence), new_starts, len(sequence) - first + 1

    def _replace(self, sequence, starts, first, other):
        """Puts the second segment of another row in place of b (next-sentence prediction)."""
        other_first = self.store.values("first_length")[other]
        room = len(sequence) - first - 1

        def replaced(values, name):
            segment = self.store.row(name, other)[other_first:-1][:room]
            return np.concatenate([values[:first], segment, values[-1:]])

        new_starts = replaced(starts, "word_starts") if len(starts) else starts
        return replaced(sequence, "token_ids"), new_starts, first

"""Which rows make up which batch: a function of (seed, step), so that a run resumes exactly."""

import dataclasses
from collections.abc import Iterator

import numpy as np

from keras_bert_cls.data.group_sampling import GroupSampling
from keras_bert_cls.data.row_lengths import RowLengths
from keras_bert_cls.data.shuffle import shuffled_rows
from keras_bert_cls.text.token_estimate import BERT_TOKENS

_WINDOW_BATCHES = 64


@dataclasses.dataclass(frozen=True)
class BatchPlan:
    """Plans the batches of training.

    Each epoch visits every row once, in a new random order. The order is cut into windows of 64
    batches; within a window rows of like length come together (length bucketing), and the batches
    of the window are shuffled again.

    Attributes:
      lengths: tokens of each row, int [rows].
      batch_size: rows of a batch at most.
      max_tokens: rows times the longest row of a batch at most; 0 for no limit. A single row that
        is longer makes a batch of its own.
      seed: of the random order; at least 0.
      bucket: whether rows of like length come together.
      sampling: how often rows are drawn; None for once an epoch.
    """

    lengths: np.ndarray | RowLengths
    batch_size: int
    max_tokens: int = 0
    seed: int = 0
    bucket: bool = True
    sampling: GroupSampling | None = None

    @property
    def epoch_rows(self) -> int:
        """Rows of an epoch."""
        return len(self.lengths) if self.sampling is None else self.sampling.epoch_rows

    def batches(self, start_step: int = 0) -> Iterator[np.ndarray]:
        """Yields the rows of each batch, int64 [rows], from `start_step` on, without end."""
        epoch, skip = self.locate(start_step)
        while True:
            for rows in self.epoch_batches(epoch):
                if skip:
                    skip -= 1
                    continue
                yield rows
            epoch += 1

    def epoch_batches(self, epoch: int) -> Iterator[np.ndarray]:
        """Yields the rows of each batch of one epoch."""
        count = self.epoch_rows
        window = self.batch_size * _WINDOW_BATCHES
        for start in range(0, count, window):
            positions = np.arange(start, min(start + window, count))
            rows = shuffled_rows(positions, count, (self.seed, epoch))
            if self.sampling is not None:
                rows = self.sampling.rows_at(rows, epoch)
            batches = self._cut(rows)
            random = np.random.default_rng((self.seed, epoch, start))
            # Rows in random order make the parts of a batch alike in tokens.
            yield from (random.permutation(batches[i]) for i in random.permutation(len(batches)))

    def steps_in_epoch(self, epoch: int) -> int:
        """Returns the number of batches of an epoch; it varies only with a token limit."""
        if not self.max_tokens:
            return -(-self.epoch_rows // self.batch_size)
        return sum(1 for _ in self.epoch_batches(epoch))

    def steps_in_epochs(self, epochs: int) -> int:
        """Returns the number of batches of the first `epochs` epochs."""
        return sum(self.steps_in_epoch(epoch) for epoch in range(epochs))

    def locate(self, step: int) -> tuple[int, int]:
        """Returns the epoch of a step and the step's place in the epoch, both from 0."""
        if not self.max_tokens:
            return divmod(step, self.steps_in_epoch(0))
        epoch = 0
        while step >= (steps := self.steps_in_epoch(epoch)):
            step -= steps
            epoch += 1
        return epoch, step

    def rows_of_step(self, step: int) -> np.ndarray:
        """Returns the rows of one step's batch, int64 [rows]."""
        return next(self.batches(step))

    def _cut(self, rows: np.ndarray) -> list[np.ndarray]:
        """Cuts the rows of a window into batches."""
        lengths = np.asarray(self.lengths[rows])
        if self.bucket:
            order = np.argsort(lengths, kind="stable")
            rows, lengths = rows[order], lengths[order]
        if not self.max_tokens:
            return [rows[i : i + self.batch_size] for i in range(0, len(rows), self.batch_size)]
        batches, start, longest = [], 0, 0
        for end, length in enumerate(lengths.tolist()):
            longest = max(longest, length)
            full = end - start == self.batch_size
            if end > start and (full or (end + 1 - start) * longest > self.max_tokens):
                batches.append(rows[start:end])
                start, longest = end, length
        return [*batches, rows[start:]]


def scoring_plan(lengths: np.ndarray | RowLengths, batch_size: int) -> BatchPlan:
    """Returns a plan of rows that are scored only.

    Batches of documents have fewer rows, so that they take no more memory than others.

    Args:
      lengths: tokens of each row, int [rows].
      batch_size: rows of a batch at most.
    """
    return BatchPlan(lengths, batch_size, batch_size * BERT_TOKENS)

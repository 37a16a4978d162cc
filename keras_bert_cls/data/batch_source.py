"""What the training loop takes its batches from. Imports no TensorFlow."""

import dataclasses
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import tensorflow as tf


@dataclasses.dataclass(frozen=True)
class Shard:
    """One worker's part of every global batch.

    The rows of a global batch are padded with rows of weight 0 to a multiple of `parts`, and cut
    into `workers` equal runs of rows; `worker` gets its run. So all workers together see every row
    once, and what is drawn for a row depends on its place in the global batch only.

    Attributes:
      worker: this worker's number.
      workers: how many there are.
      parts: pieces of equally many rows that the global batch is cut into; a multiple of `workers`.
    """

    worker: int = 0
    workers: int = 1
    parts: int = 1

    def __post_init__(self):
        if not 0 <= self.worker < self.workers or self.parts % self.workers:
            raise ValueError(f"{self} is not one of equal parts")

    def padded_rows(self, rows: int) -> int:
        """Returns the rows of a global batch with its padding rows."""
        return -(-rows // self.parts) * self.parts

    def range_of(self, rows: int) -> range:
        """Returns the places in a global batch of `rows` real rows that this worker gets.

        Places from `rows` on are padding rows.
        """
        each = self.padded_rows(rows) // self.workers
        return range(self.worker * each, (self.worker + 1) * each)


class BatchSource(Protocol):
    """Batches of training: the batch of a step is a function of (seed, step)."""

    def steps_in_epoch(self, epoch: int) -> int:
        """Returns the number of global batches of an epoch."""

    def steps_in_epochs(self, epochs: int) -> int:
        """Returns the number of global batches of the first `epochs` epochs."""

    def describe(self) -> str:
        """Returns what a person wants to know of the data: rows and tokens."""

    def describe_step(self, step: int) -> list[str]:
        """Returns file:line, or what comes next to it, of the rows of a step's global batch."""

    def dataset(self, start_step: int, shard: Shard) -> "tf.data.Dataset":
        """Returns a worker's batches from `start_step` on, without end.

        Each has token_ids, segment_ids, padding_mask int32 [rows, length]; sample_weight float32
        [rows]; `step` int64 scalar; and what the objective needs. `length` is the same on all
        workers: that of the longest row of the global batch, rounded up to a multiple of 8.
        """

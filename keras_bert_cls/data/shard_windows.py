"""Which shards are read when: a function of the seed and the window's number."""

import functools
from collections.abc import Iterator, Sequence

import numpy as np
import tensorflow as tf

from keras_bert_cls.counter_random import random_words

_WINDOW_SHARDS = 4
_WINDOW_BATCHES = 8
_EPOCHS_IN_MEMORY = 4


def random_order(stream: str, seed: int, step: tf.Tensor, count: tf.Tensor) -> tf.Tensor:
    """Returns a random permutation, int32 [count]; see `random_words` for the arguments."""
    words = random_words(stream, seed, step, 0, 1, count)[0]
    return tf.argsort(tf.cast(words, tf.int64), stable=True)


class ShardWindows:
    """Cuts the shards of each epoch, in random order, into windows.

    A window is 4 shards, or more if these would not hold 8 batches; the last of an epoch may be
    smaller. Windows are numbered through all epochs. Each is cut into batches of `batch_size` rows,
    the last of which may be smaller.

    Args:
      rows: of each shard.
      batch_size: rows of a global batch.
      seed: of the random order, in [0, 2**32).

    Attributes:
      shards_in_window: shards of a window at most.
      windows_in_epoch: the number of windows that an epoch has.
    """

    def __init__(self, rows: Sequence[int], batch_size: int, seed: int):
        self._rows = np.array(rows, np.int64)
        self._batch_size = batch_size
        self._seed = seed
        for_batches = -(-_WINDOW_BATCHES * batch_size * len(rows) // int(self._rows.sum()))
        self.shards_in_window = min(len(rows), max(_WINDOW_SHARDS, for_batches))
        self.windows_in_epoch = -(-len(rows) // self.shards_in_window)
        self._steps_of_windows = functools.lru_cache(_EPOCHS_IN_MEMORY)(self._count_steps)

    def shards_of(self, window: tf.Tensor) -> tf.Tensor:
        """Returns the shards of a window, int32 [shards], in the graph.

        Args:
          window: int64 scalar, the window's number.
        """
        epoch, place = window // self.windows_in_epoch, window % self.windows_in_epoch
        first = tf.cast(place, tf.int32) * self.shards_in_window
        return self._order(epoch)[first : first + self.shards_in_window]

    def steps_in_epoch(self, epoch: int) -> int:
        """Returns the number of batches of an epoch."""
        return int(self._steps_of_windows(epoch).sum())

    def steps_in_window(self, window: int) -> int:
        """Returns the number of batches of a window."""
        epoch, place = divmod(window, self.windows_in_epoch)
        return int(self._steps_of_windows(epoch)[place])

    def locate(self, step: int) -> tuple[int, int]:
        """Returns the window of a step and the step's place in the window, both from 0."""
        epoch = 0
        while step >= (steps := self.steps_in_epoch(epoch)):
            step -= steps
            epoch += 1
        ends = np.cumsum(self._steps_of_windows(epoch))
        place = int(np.searchsorted(ends, step, side="right"))
        before = int(ends[place - 1]) if place else 0
        return epoch * self.windows_in_epoch + place, step - before

    def places_from(self, step: int) -> Iterator[tuple[int, int]]:
        """Yields what `locate` returns of a step and of all after it."""
        window, place = self.locate(step)
        while True:
            for later in range(place, self.steps_in_window(window)):
                yield window, later
            window, place = window + 1, 0

    def _order(self, epoch: tf.Tensor) -> tf.Tensor:
        return random_order("shards", self._seed, epoch, len(self._rows))

    def _count_steps(self, epoch: int) -> np.ndarray:
        """Returns the number of batches of each window of an epoch."""
        with tf.device("CPU"):
            rows = self._rows[self._order(tf.constant(epoch, tf.int64)).numpy()]
        starts = np.arange(self.windows_in_epoch) * self.shards_in_window
        return -(-np.add.reduceat(rows, starts) // self._batch_size)

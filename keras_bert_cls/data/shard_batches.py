"""Batches of pretraining from packed shards, for text of any size."""

import os

import tensorflow as tf

from keras_bert_cls.data.batch_source import Shard
from keras_bert_cls.data.config import PretrainingData
from keras_bert_cls.data.masking import TokenMasker
from keras_bert_cls.data.packed_shards import PackedShards
from keras_bert_cls.data.sequence_columns import describe_sources
from keras_bert_cls.data.service_batches import ServiceBatches
from keras_bert_cls.data.shard_windows import ShardWindows
from keras_bert_cls.data.window_batches import WindowBatches
from keras_bert_cls.text.tokenizer import Tokenizer


class ShardBatches:
    """A BatchSource that reads packed shards.

    Each epoch reads the shards in a new random order, a few at a time: a window. Its rows are
    shuffled, bucketed by length and cut into batches of exactly `batch_size` rows; what is left
    over makes a smaller one. So a step's window follows from the manifest's numbers of rows, and a
    run that resumes reads nothing but its window.

    Every worker reads whole windows, since a batch takes its rows from all over a window.

    Args:
      folder: what bertcls-pack wrote.
      tokenizer: the run's; must be that of the folder.
      config: the run's data; its `files` are not looked at.
      masker: masks tokens.
      batch_size: rows of a global batch.
      seed: of all draws, in [0, 2**32).
      data_service: host:port of the dispatcher of a tf.data service that makes the batches; ""
        makes them in this process. The batches are the same.

    Raises:
      UserError: the folder is not whole, or made with other settings.
    """

    def __init__(
        self,
        folder: str | os.PathLike,
        tokenizer: Tokenizer,
        config: PretrainingData,
        masker: TokenMasker,
        *,
        batch_size: int,
        seed: int = 0,
        data_service: str = "",
    ):
        self.packed = PackedShards.open(folder)
        self.packed.check_fits(config, tokenizer)
        rows = [shard.rows for shard in self.packed.shards]
        self._windows = ShardWindows(rows, batch_size, seed)
        self._batches = WindowBatches(
            self.packed, self._windows, tokenizer, masker, config.pair_objective, batch_size, seed
        )
        self._batch_size = batch_size
        self._data_service = data_service

    def steps_in_epoch(self, epoch: int) -> int:
        """Returns the number of global batches of an epoch."""
        return self._windows.steps_in_epoch(epoch)

    def steps_in_epochs(self, epochs: int) -> int:
        """Returns the number of global batches of the first `epochs` epochs."""
        return sum(map(self.steps_in_epoch, range(epochs)))

    def describe(self) -> str:
        """Returns what a person wants to know of the data: rows and tokens."""
        packed = self.packed
        return f"{packed.rows:,} rows, {packed.tokens:,} tokens in {len(packed.shards):,} shards"

    def describe_step(self, step: int) -> list[str]:
        """Returns file:line, or what comes next to it, of the rows of a step's global batch."""
        number, place = self._windows.locate(step)
        window, rows = next(iter(tf.data.Dataset.range(number, number + 1).flat_map(self._read)))
        order = self._batches.row_order(window, rows["length"]).numpy()
        chosen = order[place * self._batch_size :][: self._batch_size]
        sources, lines = rows["source"].numpy()[chosen], rows["line"].numpy()[chosen]
        return describe_sources(self.packed.sources, sources, lines)

    def dataset(self, start_step: int, shard: Shard) -> tf.data.Dataset:
        """Returns a worker's batches from `start_step` on, without end; see BatchSource.

        `length` goes by the rows as they are packed: the pair objective "nsp" may shorten them.
        """
        if self._data_service:
            service = ServiceBatches(self._batches, self._windows, self._data_service)
            dataset = service.dataset(start_step, shard)
        else:
            dataset = self._batches.dataset(*self._windows.locate(start_step), shard)
        return dataset.enumerate(start_step).map(_with_step)

    def _read(self, window: tf.Tensor) -> tf.data.Dataset:
        return self._batches.read(window)


def _with_step(step: tf.Tensor, batch: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
    kept = {name: value for name, value in batch.items() if name not in ("window", "place")}
    return {**kept, "step": step}

"""Windows of shards -> batches of one worker, in the graph."""

import dataclasses
import os

import numpy as np
import tensorflow as tf

from keras_bert_cls.counter_random import random_words
from keras_bert_cls.data.batch_source import Shard
from keras_bert_cls.data.masking import TokenMasker
from keras_bert_cls.data.packed_shards import PackedShards
from keras_bert_cls.data.segment_pairs import replace_second_segments, swap_segments
from keras_bert_cls.data.sequence_records import Columns, SequenceParser
from keras_bert_cls.data.shard_windows import ShardWindows, random_order
from keras_bert_cls.text.tokenizer import Tokenizer

_LENGTH_MULTIPLE = 8
_RECORDS_A_CHUNK = 256
_BATCHES_AHEAD = 8
_LAST_WINDOW = np.iinfo(np.int64).max
_MOST_BATCHES = 1 << 24  # of a window: draws are numbered by window and batch


@dataclasses.dataclass(frozen=True)
class WindowBatches:
    """Reads windows and makes batches of them; all is a function of the window's number.

    Attributes:
      packed: the shards.
      windows: which shards a window has.
      tokenizer: of the shards.
      masker: masks tokens.
      pair_objective: "none", "nsp" or "sop".
      batch_size: rows of a global batch.
      seed: of all draws, in [0, 2**32).
    """

    packed: PackedShards
    windows: ShardWindows
    tokenizer: Tokenizer
    masker: TokenMasker
    pair_objective: str
    batch_size: int
    seed: int

    def dataset(
        self, first_window: int, first_place: int, shard: Shard, windows: int | None = None
    ) -> tf.data.Dataset:
        """Returns a worker's batches, those of one window after those of the other.

        Args:
          first_window: number of the window to begin with.
          first_place: batch of that window to begin with.
          shard: the worker's part.
          windows: how many to read; None goes on without end.

        Returns:
          Batches as BatchSource's, with `window` and `place` (int64 scalars) instead of `step`.
        """
        end = _LAST_WINDOW if windows is None else first_window + windows

        def batches(window: tf.Tensor, rows: Columns) -> tf.data.Dataset:
            order = self.row_order(window, rows["length"])
            start = tf.where(window == first_window, tf.constant(first_place, tf.int64), 0)
            return tf.data.Dataset.range(start, self._batches_of(order)).map(
                lambda place: self._batch(window, place, rows, order, shard),
                num_parallel_calls=tf.data.AUTOTUNE,
                deterministic=True,
            )

        dataset = tf.data.Dataset.range(first_window, end).flat_map(self.read)
        return dataset.prefetch(1).flat_map(batches).prefetch(_BATCHES_AHEAD)

    def read(self, window: tf.Tensor) -> tf.data.Dataset:
        """Reads a window: a dataset of the one element (window, columns of all its rows)."""
        shards = self.windows.shards_of(window)
        counts = tf.constant([shard.rows for shard in self.packed.shards], tf.int64)
        rows = tf.reduce_sum(tf.gather(counts, shards))
        names = tf.gather([shard.name for shard in self.packed.shards], shards)
        paths = tf.strings.join([os.path.abspath(self.packed.folder), names], os.sep)
        width = -(-self.packed.settings.max_length // _LENGTH_MULTIPLE) * _LENGTH_MULTIPLE
        parser = SequenceParser(self.packed.settings, self.tokenizer, width)

        def read_shard(path: tf.Tensor) -> tf.data.Dataset:
            return tf.data.TFRecordDataset(path).batch(_RECORDS_A_CHUNK)

        def checked(columns: Columns) -> tuple[tf.Tensor, Columns]:
            found = tf.shape(columns["length"], tf.int64)[0]
            message = "a shard does not hold the rows that its manifest says"
            with tf.control_dependencies([tf.debugging.assert_equal(found, rows, message)]):
                return tf.identity(window), columns

        return (
            tf.data.Dataset.from_tensor_slices(paths)
            .interleave(
                read_shard,
                cycle_length=self.windows.shards_in_window,
                num_parallel_calls=self.windows.shards_in_window,
                deterministic=True,
            )
            .map(parser, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True)
            .rebatch(rows)
            .map(checked)
        )

    def row_order(self, window: tf.Tensor, lengths: tf.Tensor) -> tf.Tensor:
        """Returns the rows of a window, int32 [rows], as its batches follow each other.

        Rows of like length come together, and the batches then stand in random order. What is
        left over makes a short batch, the last.
        """
        order = random_order("rows of a window", self.seed, window, tf.size(lengths))
        whole = tf.size(order) // self.batch_size * self.batch_size
        order, rest = order[:whole], order[whole:]
        order = tf.gather(order, tf.argsort(tf.gather(lengths, order), stable=True))
        batches = tf.reshape(order, [-1, self.batch_size])
        shuffled = random_order("batches of a window", self.seed, window, tf.shape(batches)[0])
        return tf.concat([tf.reshape(tf.gather(batches, shuffled), [-1]), rest], axis=0)

    def _batches_of(self, order: tf.Tensor) -> tf.Tensor:
        return (tf.size(order, tf.int64) + self.batch_size - 1) // self.batch_size

    def _batch(
        self, window: tf.Tensor, place: tf.Tensor, rows: Columns, order: tf.Tensor, shard: Shard
    ) -> Columns:
        """Makes the part of a global batch that a worker gets."""
        start = tf.cast(place, tf.int32) * self.batch_size
        batch_rows = order[start : start + self.batch_size]
        count = tf.size(batch_rows)
        longest = tf.reduce_max(tf.gather(rows["length"], batch_rows))
        width = (longest + _LENGTH_MULTIPLE - 1) // _LENGTH_MULTIPLE * _LENGTH_MULTIPLE
        each = (count + shard.parts - 1) // shard.parts * (shard.parts // shard.workers)
        first = shard.worker * each
        is_row = tf.range(first, first + each) < count
        own = tf.gather(batch_rows, tf.minimum(tf.range(first, first + each), count - 1))
        number = window * _MOST_BATCHES + place
        columns, pair_target = self._pairs(rows, own, first, number)
        batch = self._padded(columns, is_row, width)
        if self.pair_objective != "none":
            batch["pair_target"] = tf.where(is_row, pair_target, 0)
        word_starts = batch.pop("word_starts", None)
        seeds = tf.stack([tf.constant(self.seed, tf.int64), number])
        masked = self.masker(batch["token_ids"], seeds, word_starts, first)
        return {**batch, **masked, "window": window, "place": place}

    def _pairs(
        self, rows: Columns, own: tf.Tensor, first_row: tf.Tensor, number: tf.Tensor
    ) -> tuple[Columns, tf.Tensor]:
        """Returns rows of a window after the pair objective's draws, and what was drawn."""
        columns = {name: tf.gather(values, own) for name, values in rows.items()}
        words = random_words("pairs", self.seed, number, first_row, tf.size(own), 2)
        target = tf.cast(words[:, 0] % 2, tf.int32)
        if self.pair_objective == "none":
            return columns, target
        per_token = [name for name in ("token_ids", "word_starts") if name in columns]
        length, first_length = columns["length"], columns["first_length"]
        new: Columns = {}
        if self.pair_objective == "sop":
            for name in per_token:
                new[name], new["first_length"] = swap_segments(columns[name], length, first_length)
        else:
            others = tf.maximum(1, tf.size(rows["length"]) - 1)
            skip = tf.cast(words[:, 1] % tf.cast(others, tf.uint32), tf.int32)
            other = (own + 1 + skip) % tf.size(rows["length"])
            other_lengths = tf.gather(rows["length"], other), tf.gather(rows["first_length"], other)
            for name in per_token:
                new[name], new["length"] = replace_second_segments(
                    columns[name],
                    length,
                    first_length,
                    tf.gather(rows[name], other),
                    *other_lengths,
                )
        for changed, values in new.items():
            drawn = tf.reshape(target > 0, [-1] + [1] * (values.shape.rank - 1))
            columns[changed] = tf.where(drawn, values, columns[changed])
        return columns, target

    def _padded(self, columns: Columns, is_row: tf.Tensor, width: tf.Tensor) -> Columns:
        """Returns the encoder's inputs; rows that are none become padding of weight 0."""
        place = tf.range(width)[tf.newaxis]
        padding_mask = (place < columns["length"][:, tf.newaxis]) & is_row[:, tf.newaxis]
        in_second = padding_mask & (place >= columns["first_length"][:, tf.newaxis])
        pad_id = self.tokenizer.vocabulary.pad_id
        batch = {
            "token_ids": tf.where(padding_mask, columns["token_ids"][:, :width], pad_id),
            "segment_ids": tf.cast(in_second, tf.int32),
            "padding_mask": tf.cast(padding_mask, tf.int32),
            "sample_weight": tf.cast(is_row, tf.float32),
        }
        if "word_starts" in columns:
            batch["word_starts"] = (columns["word_starts"][:, :width] > 0) | ~padding_mask
        return batch

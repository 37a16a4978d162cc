"""Token stores -> tf.data datasets of batches."""

from collections.abc import Callable, Iterable, Iterator

import numpy as np
import tensorflow as tf

from keras_bert_cls.data.batch_plan import BatchPlan
from keras_bert_cls.data.batch_source import Shard
from keras_bert_cls.data.batches import WHOLE, Batch
from keras_bert_cls.data.masking import TokenMasker

_PREFETCH = 8

MakeBatch = Callable[[np.ndarray, int, Shard], Batch]


def training_dataset(
    plan: BatchPlan, make_batch: MakeBatch, start_step: int = 0, shard: Shard = WHOLE
) -> tf.data.Dataset:
    """Returns a worker's endless batches of training from `start_step` on.

    The batch of a step depends on the plan and the step only. Each batch has its `step` and its
    `first_row`, the place of its first row in the global batch, int64.
    """
    return _dataset(
        lambda: enumerate(plan.batches(start_step), start=start_step), make_batch, shard
    )


def evaluation_dataset(plan: BatchPlan, make_batch: MakeBatch) -> tf.data.Dataset:
    """Returns every row once, in the order of the plan's first epoch; `step` counts the batches."""
    return _dataset(lambda: enumerate(plan.epoch_batches(0)), make_batch, WHOLE)


def with_masking(dataset: tf.data.Dataset, masker: TokenMasker, seed: int) -> tf.data.Dataset:
    """Masks the batches of a dataset; what is masked depends on (seed, step) only."""

    def mask(batch: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        batch = dict(batch)
        word_starts = batch.pop("word_starts", None)
        seeds = tf.stack([tf.constant(seed, tf.int64), batch["step"]])
        return {**batch, **masker(batch["token_ids"], seeds, word_starts, batch["first_row"])}

    return dataset.map(mask, num_parallel_calls=2, deterministic=True).prefetch(_PREFETCH)


def _dataset(
    steps: Callable[[], Iterable[tuple[int, np.ndarray]]], make_batch: MakeBatch, shard: Shard
) -> tf.data.Dataset:
    def batches() -> Iterator[Batch]:
        for step, rows in steps():
            yield {
                **make_batch(rows, step, shard),
                "step": np.array(step, np.int64),
                "first_row": np.array(shard.range_of(len(rows)).start, np.int64),
            }

    return generated_dataset(batches, make_batch(np.zeros(1, np.int64), 0, WHOLE))


def generated_dataset(batches: Callable[[], Iterator[Batch]], example: Batch) -> tf.data.Dataset:
    """Returns a dataset of generated batches.

    Args:
      batches: makes them; each has the arrays of `example`, and `step` and `first_row`, int64.
      example: arrays of the right type and rank, of any sizes.
    """
    signature = {
        name: tf.TensorSpec([None] * array.ndim, array.dtype) for name, array in example.items()
    }
    signature |= dict.fromkeys(("step", "first_row"), tf.TensorSpec([], tf.int64))
    return tf.data.Dataset.from_generator(batches, output_signature=signature).prefetch(_PREFETCH)

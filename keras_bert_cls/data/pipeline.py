"""Token stores -> tf.data datasets of batches."""

from collections.abc import Callable, Iterator

import numpy as np
import tensorflow as tf

from keras_bert_cls.data.batch_plan import BatchPlan
from keras_bert_cls.data.batches import Batch
from keras_bert_cls.data.masking import TokenMasker

_PREFETCH = 8

MakeBatch = Callable[[np.ndarray, int], Batch]


def training_dataset(
    plan: BatchPlan, make_batch: MakeBatch, start_step: int = 0
) -> tf.data.Dataset:
    """Returns the endless batches of training from `start_step` on.

    The batch of a step depends on the plan and the step only. Each batch has its `step`, int64.
    """

    def batches() -> Iterator[Batch]:
        for step, rows in enumerate(plan.batches(start_step), start=start_step):
            yield {**make_batch(rows, step), "step": np.array(step, np.int64)}

    return _dataset(batches, make_batch)


def evaluation_dataset(plan: BatchPlan, make_batch: MakeBatch) -> tf.data.Dataset:
    """Returns every row once, in the order of the plan's first epoch; `step` counts the batches."""

    def batches() -> Iterator[Batch]:
        for step, rows in enumerate(plan.epoch_batches(0)):
            yield {**make_batch(rows, step), "step": np.array(step, np.int64)}

    return _dataset(batches, make_batch)


def with_masking(dataset: tf.data.Dataset, masker: TokenMasker, seed: int) -> tf.data.Dataset:
    """Masks the batches of a dataset; what is masked depends on (seed, step) only."""

    def mask(batch: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        batch = dict(batch)
        word_starts = batch.pop("word_starts", None)
        seeds = tf.stack([tf.constant(seed, tf.int64), batch["step"]])
        return {**batch, **masker(batch["token_ids"], seeds, word_starts)}

    return dataset.map(mask, num_parallel_calls=2, deterministic=True).prefetch(_PREFETCH)


def _dataset(batches: Callable[[], Iterator[Batch]], make_batch: MakeBatch) -> tf.data.Dataset:
    example = make_batch(np.zeros(1, np.int64), 0)
    signature = {
        name: tf.TensorSpec([None] * array.ndim, array.dtype) for name, array in example.items()
    }
    signature["step"] = tf.TensorSpec([], tf.int64)
    return tf.data.Dataset.from_generator(batches, output_signature=signature).prefetch(_PREFETCH)

"""Batches of several tasks, each batch of one of them."""

import dataclasses
from collections.abc import Iterator, Mapping

import numpy as np
import tensorflow as tf

from keras_bert_cls.data.batch_source import Shard
from keras_bert_cls.data.batches import WHOLE, Batch
from keras_bert_cls.data.pipeline import generated_dataset
from keras_bert_cls.data.store_batches import StoreBatches
from keras_bert_cls.data.task_sampling import TaskDraws

_SHARED = ("token_ids", "segment_ids", "padding_mask", "sample_weight")
_MASKED = {"mask_positions": tf.int32, "mask_labels": tf.int32, "mask_weights": tf.float32}


@dataclasses.dataclass(frozen=True)
class TaskBatches:
    """A BatchSource: the batch of a step holds rows of one task (Liu et al. 2019, MT-DNN).

    Which task, depends on (seed, step) only; and so does which of its batches, as many as were
    drawn of it before.

    Batches have the fields of all tasks, so that all are of one kind: `task`, an int32 scalar, is
    the number of the task that was drawn; TASK/target and what else a task has beside the encoder's
    inputs are zeros in batches of other tasks. With masked LM there are mask_positions, mask_labels
    and mask_weights, of width 0 in batches of other tasks.

    Attributes:
      tasks: the batches of each; those of a task with a masker, if there is one, come last.
      draws: which task is learned when.
      epoch: steps of an epoch.
    """

    tasks: Mapping[str, StoreBatches]
    draws: TaskDraws
    epoch: int

    def steps_in_epoch(self, epoch: int) -> int:
        return self.epoch

    def steps_in_epochs(self, epochs: int) -> int:
        return self.epoch * epochs

    def describe(self) -> str:
        return "; ".join(f"{name}: {task.describe()}" for name, task in self.tasks.items())

    def describe_step(self, step: int) -> list[str]:
        task = self._parts[int(self.draws.tasks(step, step + 1)[0])]
        return task.describe_step(self.draws.counts(step)[self._parts.index(task)])

    def dataset(self, start_step: int, shard: Shard) -> tf.data.Dataset:
        examples = [task.make_batch(np.zeros(1, np.int64), 0, WHOLE) for task in self._parts]

        def joint(number: int, batch: Batch) -> Batch:
            """Adds the fields of the other tasks."""
            rows = len(batch["token_ids"])
            fields = {name: batch[name] for name in _SHARED}
            for other, (task, example) in enumerate(zip(self.tasks, examples, strict=True)):
                for name in example.keys() - set(_SHARED):
                    empty = np.zeros((rows, *example[name].shape[1:]), example[name].dtype)
                    fields[f"{task}/{name}"] = batch[name] if other == number else empty
            return {**fields, "task": np.array(number, np.int32)}

        def batches() -> Iterator[Batch]:
            counts = self.draws.counts(start_step)
            rows_of = [
                task.plan.batches(count) for task, count in zip(self._parts, counts, strict=True)
            ]
            for step, number in enumerate(self.draws.tasks_from(start_step), start=start_step):
                rows = next(rows_of[number])
                yield {
                    **joint(number, self._parts[number].make_batch(rows, step, shard)),
                    "step": np.array(step, np.int64),
                    "first_row": np.array(shard.range_of(len(rows)).start, np.int64),
                }

        dataset = generated_dataset(batches, joint(0, examples[0]))
        if self._parts[-1].masker is None:
            return dataset
        return dataset.map(self._masked, num_parallel_calls=2, deterministic=True).prefetch(8)

    def _masked(self, batch: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        """Masks the tokens of a batch if it is one of the masked LM."""
        number, task = len(self.tasks) - 1, list(self.tasks)[-1]
        masker = self._parts[-1].masker
        assert masker is not None
        batch = dict(batch)
        # The masker takes the pieces for words if nobody found words.
        word_starts, token_ids = batch.pop(f"{task}/word_starts", None), batch["token_ids"]

        def masked() -> dict[str, tf.Tensor]:
            seeds = tf.stack([tf.constant(self.draws.seed, tf.int64), batch["step"]])
            return masker(token_ids, seeds, word_starts, batch["first_row"])

        def unmasked() -> dict[str, tf.Tensor]:
            rows = tf.shape(token_ids)[0]
            nothing = {name: tf.zeros([rows, 0], dtype) for name, dtype in _MASKED.items()}
            return {"token_ids": token_ids, **nothing}

        return {**batch, **tf.cond(batch["task"] == number, masked, unmasked)}

    @property
    def _parts(self) -> list[StoreBatches]:
        return list(self.tasks.values())

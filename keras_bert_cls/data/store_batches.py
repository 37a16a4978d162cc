"""Batches of training out of a token store."""

import dataclasses

import tensorflow as tf

from keras_bert_cls.data.batch_plan import BatchPlan
from keras_bert_cls.data.batch_source import Shard
from keras_bert_cls.data.masking import TokenMasker
from keras_bert_cls.data.pipeline import MakeBatch, training_dataset, with_masking
from keras_bert_cls.data.sequence_columns import describe_sources
from keras_bert_cls.data.token_store import TokenStore


@dataclasses.dataclass(frozen=True)
class StoreBatches:
    """A BatchSource: rows that were read and tokenized once, in any order.

    Attributes:
      store: the rows.
      plan: which rows make up which batch.
      make_batch: rows to arrays.
      masker: masks the batches for a masked LM; None leaves them as they are.
    """

    store: TokenStore
    plan: BatchPlan
    make_batch: MakeBatch
    masker: TokenMasker | None = None

    def steps_in_epoch(self, epoch: int) -> int:
        return self.plan.steps_in_epoch(epoch)

    def steps_in_epochs(self, epochs: int) -> int:
        return self.plan.steps_in_epochs(epochs)

    def describe(self) -> str:
        tokens = len(self.store.values("token_ids"))
        described = f"{len(self.store):,} rows, {tokens:,} tokens"
        if self.plan.sampling is None:
            return described
        return f"{described}, {self.plan.epoch_rows:,} rows drawn an epoch"

    def describe_step(self, step: int) -> list[str]:
        rows, names = self.plan.rows_of_step(step), self.store.description["sources"]
        return describe_sources(
            names, self.store.values("file")[rows], self.store.values("line")[rows]
        )

    def dataset(self, start_step: int, shard: Shard) -> tf.data.Dataset:
        batches = training_dataset(self.plan, self.make_batch, start_step, shard)
        return (
            batches if self.masker is None else with_masking(batches, self.masker, self.plan.seed)
        )

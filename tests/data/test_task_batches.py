"""Batches of several tasks: which rows, and the same for any start and any number of workers."""

import itertools

import numpy as np
import pytest
from small_vocabulary import VOCABULARY

from keras_bert_cls.data.batch_plan import BatchPlan
from keras_bert_cls.data.batch_source import Shard
from keras_bert_cls.data.batches import ClassificationBatches, PretrainingBatches
from keras_bert_cls.data.config import MaskingConfig
from keras_bert_cls.data.masking import TokenMasker
from keras_bert_cls.data.store_batches import StoreBatches
from keras_bert_cls.data.task_batches import TaskBatches
from keras_bert_cls.data.task_sampling import SamplingConfig, TaskDraws
from keras_bert_cls.data.token_store import TokenStore, write_token_store

SIZES = {"small": 21, "large": 90, "masked_lm": 40}
STEPS = 40
MASKER = TokenMasker(VOCABULARY, MaskingConfig())


def write_store(folder, name, rows) -> TokenStore:
    """Rows of 3 to 40 tokens, whose target is their number; of "large" floats."""
    random = np.random.default_rng(rows)
    lengths = random.integers(3, 41, rows)
    target = "float32" if name == "large" else "int32"
    columns = {"token_ids": "uint16", "first_length": "int32", "target": target}
    columns |= {"file": "int32", "line": "int32"}
    description = {"sources": [f"{name}.tsv"]}
    with write_token_store(folder / name, columns, ("token_ids",), description) as writer:
        values = {
            "token_ids": random.integers(5, len(VOCABULARY), lengths.sum()),
            "first_length": lengths,
            "target": np.arange(rows),
            "file": np.zeros(rows),
            "line": np.arange(rows) + 1,
        }
        writer.append(values, {"token_ids": lengths})
    return TokenStore(folder / name)


@pytest.fixture(scope="module")
def source(tmp_path_factory) -> TaskBatches:
    folder = tmp_path_factory.mktemp("tasks")
    tasks = {}
    for name, rows in SIZES.items():
        store = write_store(folder, name, rows)
        plan = BatchPlan(store.lengths("token_ids"), 8, 150 * (name == "large"), seed=4)
        if name == "masked_lm":
            make_batch = PretrainingBatches(store, VOCABULARY)
            tasks[name] = StoreBatches(store, plan, make_batch, MASKER)
        else:
            tasks[name] = StoreBatches(store, plan, ClassificationBatches(store, VOCABULARY, 1))
    draws = TaskDraws((21, 90), SamplingConfig("temperature"), STEPS, seed=4, extra_share=0.3)
    return TaskBatches(tasks, draws, epoch=23)


def batches_of(source, start=0, shard=Shard(), count=STEPS):  # noqa: B008
    dataset = source.dataset(start, shard)
    return list(itertools.islice(dataset.as_numpy_iterator(), count))


def test_each_task_gets_its_own_batches_in_order(source):
    plans = {name: task.plan.batches() for name, task in source.tasks.items()}
    for step, batch in enumerate(batches_of(source)):
        name = list(SIZES)[batch["task"]]
        assert batch["step"] == step
        rows = next(plans[name])
        store = source.tasks[name].store
        lengths = [len(store.row("token_ids", row)) for row in rows]
        assert batch["padding_mask"].sum(1).tolist() == lengths
        for other in ("small", "large"):
            target = batch[f"{other}/target"]
            assert target.dtype == (np.float32 if other == "large" else np.int32)
            assert target.tolist() == (rows.tolist() if other == name else [0] * len(rows))
        plain = source.tasks[name].make_batch(rows, step, Shard())
        if name == "masked_lm":
            for field, values in MASKER(plain["token_ids"], (4, step)).items():
                np.testing.assert_array_equal(batch[field], values)
        else:
            assert batch["mask_positions"].shape == batch["mask_weights"].shape == (len(rows), 0)
            np.testing.assert_array_equal(batch["token_ids"], plain["token_ids"])


def test_a_resumed_run_gets_the_same_batches(source):
    whole = batches_of(source)
    for start in (1, 17, 38):
        for expected, found in zip(whole[start:], batches_of(source, start), strict=False):
            assert found.keys() == expected.keys()
            for name, values in expected.items():
                np.testing.assert_array_equal(found[name], values, err_msg=name)


@pytest.mark.parametrize("workers", [2, 4])
def test_workers_share_each_batch(source, workers):
    whole = batches_of(source, shard=Shard(parts=workers), count=20)
    parts = [batches_of(source, shard=Shard(w, workers, workers), count=20) for w in range(workers)]
    for step, batch in enumerate(whole):
        assert {int(part[step]["task"]) for part in parts} == {int(batch["task"])}
        for name in batch.keys() - {"task", "step", "first_row"}:
            if not name.startswith("mask_"):
                joined = np.concatenate([part[step][name] for part in parts])
                np.testing.assert_array_equal(joined, batch[name], err_msg=name)


def test_what_is_told_of_it(source):
    assert source.steps_in_epochs(3) == 69
    assert source.describe().startswith("small: 21 rows, ")
    for step, batch in enumerate(batches_of(source, count=9)):
        name = list(SIZES)[batch["task"]]
        described = source.describe_step(step)
        assert described[0].startswith(f"{name}.tsv:")
        assert len(described) == (batch["sample_weight"] > 0).sum()
        if name != "masked_lm":
            lines = [int(place.rsplit(":", 1)[1]) - 1 for place in described]
            assert lines == batch[f"{name}/target"].tolist()

"""Workers share the rows of a token store: each row once an epoch, as one worker would see them."""

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
from keras_bert_cls.data.token_store import TokenStore, write_token_store

ROWS = 203


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """Rows of 3 to 40 tokens, whose target is their number."""
    folder = tmp_path_factory.mktemp("shared") / "store"
    random = np.random.default_rng(0)
    lengths = random.integers(3, 41, ROWS)
    columns = {
        "token_ids": "uint16",
        "first_length": "int32",
        "target": "int32",
        "file": "int32",
        "line": "int32",
    }
    with write_token_store(folder, columns, ("token_ids",), {"sources": ["a.tsv"]}) as writer:
        values = {
            "token_ids": random.integers(0, len(VOCABULARY), lengths.sum()),
            "first_length": lengths,
            "target": np.arange(ROWS),
            "file": np.zeros(ROWS),
            "line": np.arange(ROWS) + 1,
        }
        writer.append(values, {"token_ids": lengths})
    return TokenStore(folder)


def labelled(store, max_tokens) -> StoreBatches:
    plan = BatchPlan(store.lengths("token_ids"), 8, max_tokens, seed=4)
    return StoreBatches(store, plan, ClassificationBatches(store, VOCABULARY, 1))


@pytest.mark.parametrize("workers", [1, 2, 3])
@pytest.mark.parametrize("max_tokens", [0, 150])
def test_every_row_is_read_once_an_epoch(store, workers, max_tokens):
    source = labelled(store, max_tokens)
    for epoch in range(2):
        first = source.steps_in_epochs(epoch)
        seen = []
        for worker in range(workers):
            dataset = source.dataset(first, Shard(worker, workers, 2 * workers))
            for batch in itertools.islice(
                dataset.as_numpy_iterator(), source.steps_in_epoch(epoch)
            ):
                seen += batch["target"][batch["sample_weight"] > 0].tolist()
        assert sorted(seen) == list(range(ROWS))


@pytest.mark.parametrize("workers", [2, 4])
def test_workers_mask_as_one_would(store, workers):
    plan = BatchPlan(store.lengths("token_ids"), 8, 150, seed=4)
    masker = TokenMasker(VOCABULARY, MaskingConfig())
    source = StoreBatches(store, plan, PretrainingBatches(store, VOCABULARY), masker)

    def batches(start, shard):
        return list(itertools.islice(source.dataset(start, shard).as_numpy_iterator(), 9))

    whole = batches(0, Shard(parts=workers))
    parts = [batches(0, Shard(worker, workers, workers)) for worker in range(workers)]
    for step, batch in enumerate(whole):
        for name in ("token_ids", "segment_ids", "padding_mask", "sample_weight"):
            joined = np.concatenate([part[step][name] for part in parts])
            np.testing.assert_array_equal(joined, batch[name], err_msg=name)
        masked = sum(int(part[step]["mask_weights"].sum()) for part in parts)
        assert masked == batch["mask_weights"].sum() > 0
    # A worker that starts in the middle sees what it would have seen.
    for one, other in zip(batches(5, Shard(1, workers, workers)), parts[1][5:], strict=False):
        for name, array in one.items():
            np.testing.assert_array_equal(array, other[name])


def test_rows_of_a_step_have_their_file_and_line(store):
    source = labelled(store, 0)
    batch = next(iter(source.dataset(3, Shard()).as_numpy_iterator()))
    assert source.describe_step(3) == [f"a.tsv:{row + 1}" for row in batch["target"]]
    tokens = int(np.sum(store.lengths("token_ids")))
    assert source.describe() == f"{ROWS} rows, {tokens:,} tokens"

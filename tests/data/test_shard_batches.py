"""Batches from packed shards: each row once an epoch, for any number of workers, wherever begun."""

import collections
import dataclasses
import functools
import json

import numpy as np
import pytest
from packed_text import (
    MASKER,
    TOKENIZER,
    assert_same_batches,
    batches_of,
    data_config,
    pack_rows,
    sequences_of,
    shard_batches,
    unmasked,
)
from small_vocabulary import VOCABULARY

from keras_bert_cls.data.batch_source import Shard
from keras_bert_cls.data.pretraining_rows import build_pretraining_store
from keras_bert_cls.data.shard_batches import ShardBatches
from keras_bert_cls.errors import UserError
from keras_bert_cls.text.tokenizer import Tokenizer

ROWS = 203


@pytest.fixture(scope="module")
def packed_by_objective(tmp_path_factory):
    @functools.cache
    def make(objective):
        return pack_rows(tmp_path_factory.mktemp(objective), ROWS, objective)

    return make


@pytest.fixture(scope="module")
def packed(packed_by_objective):
    return packed_by_objective("none")


@pytest.fixture(scope="module")
def rows_of_text(packed, tmp_path_factory):
    """Sequence -> file:line, by the token store."""
    config = data_config(packed.sources[0])
    folder = tmp_path_factory.mktemp("store") / "store"
    store = build_pretraining_store(folder, config.files, config, TOKENIZER)
    lines = store.values("line").tolist()
    return {
        tuple(store.row("token_ids", row).tolist()): f"{packed.sources[0]}:{lines[row]}"
        for row in range(len(store))
    }


@pytest.mark.parametrize("workers", [1, 2, 3])
def test_every_row_comes_once_an_epoch(packed, rows_of_text, workers):
    source = shard_batches(packed)
    ends = [source.steps_in_epochs(epochs) for epochs in range(3)]
    assert ends[0] == 0 and len(rows_of_text) == ROWS
    shards = [Shard(worker, workers, 2 * workers) for worker in range(workers)]
    found = [batches_of(source, 0, ends[2], shard) for shard in shards]
    # One stops in the middle and begins again.
    stop = ends[1] // 2
    found[-1][stop:] = batches_of(source, stop, ends[2] - stop, shards[-1])
    for epoch in (0, 1):
        counts = collections.Counter(
            sequence
            for batches in found
            for batch in batches[ends[epoch] : ends[epoch + 1]]
            for sequence in sequences_of(batch)
        )
        assert counts == dict.fromkeys(rows_of_text, 1)
    for step, parts in enumerate(zip(*found, strict=True)):
        assert {part["step"].item() for part in parts} == {step}
        assert len({part["token_ids"].shape for part in parts}) == 1
        assert sum(len(part["token_ids"]) for part in parts) % (2 * workers) == 0


@pytest.mark.parametrize("objective", ["sop", "nsp"])
def test_workers_share_what_one_alone_would_have(packed_by_objective, objective):
    source = shard_batches(packed_by_objective(objective), objective)
    steps = source.steps_in_epoch(0) + 2
    whole = batches_of(source, 0, steps, Shard(0, 1, 2))
    parts = [batches_of(source, 0, steps, Shard(worker, 2, 2)) for worker in range(2)]
    for batch, *shares in zip(whole, *parts, strict=True):
        joined = {
            name: np.concatenate([share[name] for share in shares])
            for name in batch
            if name != "step" and not name.startswith("mask_")
        }
        for name, values in joined.items():
            np.testing.assert_array_equal(values, batch[name], err_msg=name)
        # As wide as a worker needs: what is masked is the same.
        for name in ("mask_labels", "mask_positions"):
            values = [share[name][share["mask_weights"] > 0] for share in shares]
            np.testing.assert_array_equal(
                np.concatenate(values), batch[name][batch["mask_weights"] > 0]
            )


@pytest.mark.parametrize("objective", ["none", "nsp"])
def test_a_step_is_the_same_wherever_one_begins(packed_by_objective, objective):
    source = shard_batches(packed_by_objective(objective), objective)
    steps = source.steps_in_epochs(2) + 5
    whole = batches_of(source, 0, steps)
    again = shard_batches(packed_by_objective(objective), objective)
    for start in (10, source.steps_in_epoch(0)):
        assert_same_batches(batches_of(again, start, steps - start), whole[start:])


def test_batches_hold_batch_size_rows_of_like_length(packed):
    source = shard_batches(packed)
    batches = batches_of(source, 0, source.steps_in_epoch(0))
    sizes = collections.Counter(len(batch["token_ids"]) for batch in batches)
    windows = -(-len(packed.shards) // 6)
    assert sum(count for size, count in sizes.items() if size < 7) <= windows
    widths = [batch["token_ids"].shape[1] for batch in batches]
    assert {width % 8 for width in widths} == {0} and len(set(widths)) > 1
    for batch in batches:
        lengths = batch["padding_mask"].sum(axis=1)
        assert batch["token_ids"].shape[1] == -(-lengths.max() // 8) * 8
    padding = sum((batch["padding_mask"] == 0).sum() for batch in batches)
    assert padding < 0.35 * sum(batch["padding_mask"].size for batch in batches)


def test_orders_differ_between_epochs_and_seeds(packed):
    source, other = shard_batches(packed), shard_batches(packed, seed=4)
    steps = source.steps_in_epoch(0)
    orders = [
        [sequence for batch in batches_of(*first, steps) for sequence in sequences_of(batch)]
        for first in ((source, 0), (source, steps), (other, 0))
    ]
    assert orders[0] != orders[1] != orders[2] != orders[0]


def test_padding_rows_weigh_nothing(packed):
    (batch,) = batches_of(shard_batches(packed), 0, 1, Shard(parts=5))
    assert batch["sample_weight"].tolist() == [1] * 7 + [0] * 3
    assert (batch["token_ids"][7:] == VOCABULARY.pad_id).all()
    assert not batch["padding_mask"][7:].any() and not batch["mask_weights"][7:].any()
    np.testing.assert_array_equal(batch["padding_mask"] > 0, unmasked(batch) != VOCABULARY.pad_id)


def pieces(sequence):
    """Splits [CLS] a [SEP] b [SEP] into a and b."""
    assert sequence[0] == VOCABULARY.cls_id and sequence[-1] == VOCABULARY.sep_id
    middle = sequence.index(VOCABULARY.sep_id)
    return sequence[1:middle], sequence[middle + 1 : -1]


@pytest.mark.parametrize("objective", ["sop", "nsp"])
def test_pairs(packed_by_objective, tmp_path, objective):
    packed = packed_by_objective(objective)
    config = data_config(packed.sources[0], pair_objective=objective)
    store = build_pretraining_store(tmp_path / "store", config.files, config, TOKENIZER)
    pairs = [pieces(tuple(store.row("token_ids", row).tolist())) for row in range(len(store))]
    firsts, seconds = zip(*pairs, strict=True)
    source = shard_batches(packed, objective)
    targets, kept, replaced, others = [], [], [], []
    for batch in batches_of(source, 0, source.steps_in_epoch(0)):
        for sequence, target, segment_ids in zip(
            sequences_of(batch), batch["pair_target"], batch["segment_ids"], strict=True
        ):
            a, b = pieces(sequence)
            assert segment_ids[: len(sequence)].tolist() == [0] * (len(a) + 2) + [1] * (len(b) + 1)
            assert not segment_ids[len(sequence) :].any()
            targets.append(target)
            if target and objective == "nsp":
                others.append(b)
                assert any(b == other[: len(b)] for other in seconds)
                replaced.append(a)
            else:
                kept.append((b, a) if target else (a, b))
    assert not collections.Counter(kept) - collections.Counter(pairs)
    assert collections.Counter(firsts) == collections.Counter([*replaced, *(a for a, _ in kept)])
    assert 0.35 < np.mean(targets) < 0.65
    if objective == "nsp":
        assert len(set(others)) > 0.5 * len(others)


def test_text_shards_give_the_same_batches(packed, tmp_path):
    with_text = pack_rows(tmp_path, ROWS, keep_text=True)
    assert (with_text.rows, with_text.tokens) == (packed.rows, packed.tokens)
    steps = shard_batches(packed).steps_in_epoch(0) + 3
    assert_same_batches(
        batches_of(shard_batches(with_text), 0, steps), batches_of(shard_batches(packed), 0, steps)
    )


def test_rows_say_where_they_come_from(packed, rows_of_text):
    source = shard_batches(packed)
    for step in (0, source.steps_in_epoch(0) - 1, source.steps_in_epoch(0) + 1):
        (batch,) = batches_of(source, step, 1)
        expected = [rows_of_text[sequence] for sequence in sequences_of(batch)]
        assert source.describe_step(step) == expected
    assert source.describe() == f"203 rows, {packed.tokens:,} tokens in 21 shards"


def test_fewer_rows_than_a_batch(tmp_path):
    source = shard_batches(pack_rows(tmp_path, 3), batch_size=64)
    assert [source.steps_in_epoch(epoch) for epoch in (0, 1)] == [1, 1]
    batches = batches_of(source, 0, 3)
    assert [len(set(sequences_of(batch))) for batch in batches] == [3, 3, 3]


def test_shards_of_another_run_are_refused(packed):
    config = data_config(pair_objective="sop", max_length=32, word_segmenter="jieba")
    tokenizer = Tokenizer(VOCABULARY, lowercase=False)
    with pytest.raises(UserError) as caught:
        ShardBatches(packed.folder, tokenizer, config, MASKER, batch_size=7)
    lines = str(caught.value).splitlines()[1:-1]
    assert sorted(line.split()[0] for line in lines) == [
        "lowercase",
        "max_length",
        "pair_objective",
        "strip_accents",
        "word_segmenter",
    ]
    other = dataclasses.replace(VOCABULARY, tokens=(*VOCABULARY.tokens, "new"))
    with pytest.raises(UserError, match="vocabulary is"):
        ShardBatches(packed.folder, Tokenizer(other), data_config(), MASKER, batch_size=7)


def test_folders_that_are_not_whole_are_refused(tmp_path):
    packed = pack_rows(tmp_path, 30)
    shard = packed.folder / packed.shards[1].name
    content = shard.read_bytes()
    shard.write_bytes(content[:-1])
    with pytest.raises(UserError, match=rf"{shard.name}: expected a shard of {len(content):,}"):
        shard_batches(packed)
    shard.unlink()
    with pytest.raises(UserError, match="it is missing"):
        shard_batches(packed)
    manifest = packed.folder / "manifest.json"
    manifest.write_text(json.dumps({**json.loads(manifest.read_text()), "format": 99}))
    with pytest.raises(UserError, match="expected format 1, got 99"):
        shard_batches(packed)
    manifest.unlink()
    with pytest.raises(UserError, match=r"holds no manifest\.json"):
        shard_batches(packed)

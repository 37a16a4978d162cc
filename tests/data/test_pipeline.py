"""Datasets of batches: resuming, masking, one pass for evaluation."""

import itertools

import numpy as np
import pytest
import tensorflow as tf
from small_vocabulary import LETTERS, SPECIAL_IDS, VOCABULARY

from keras_bert_cls.data.batch_plan import BatchPlan
from keras_bert_cls.data.batch_source import Shard
from keras_bert_cls.data.batches import ClassificationBatches, PretrainingBatches
from keras_bert_cls.data.config import MaskingConfig
from keras_bert_cls.data.masking import TokenMasker
from keras_bert_cls.data.pipeline import evaluation_dataset, training_dataset, with_masking
from keras_bert_cls.data.token_store import TokenStore, write_token_store

ROWS = 50
FOUR_PARTS = Shard(parts=4)
LETTER_IDS = [VOCABULARY.id_of(letter) for letter in LETTERS]


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """Rows of 6 to 40 letters, in two segments; every second token starts a word."""
    folder = tmp_path_factory.mktemp("pipeline") / "store"
    generator = np.random.default_rng(0)
    lengths = generator.integers(6, 41, ROWS)
    ids = [generator.choice(LETTER_IDS, length) for length in lengths]
    for sequence in ids:
        sequence[[0, 3, -1]] = [VOCABULARY.cls_id, VOCABULARY.sep_id, VOCABULARY.sep_id]
    columns = {
        "token_ids": "uint16",
        "word_starts": "uint8",
        "first_length": "int32",
        "target": "int32",
    }
    with write_token_store(folder, columns, ("token_ids", "word_starts"), {}) as writer:
        values = {
            "token_ids": np.concatenate(ids),
            "word_starts": np.concatenate([np.arange(length) % 2 for length in lengths]),
            "first_length": np.full(ROWS, 4),
            "target": np.arange(ROWS),
        }
        writer.append(values, dict.fromkeys(("token_ids", "word_starts"), lengths))
    return TokenStore(folder)


def plan_of(store, **changes):
    return BatchPlan(store.lengths("token_ids"), **{"batch_size": 8, "max_tokens": 200, **changes})


def first(dataset, count):
    return list(itertools.islice(dataset.as_numpy_iterator(), count))


def assert_same(found, expected):
    assert len(found) == len(expected)
    for one, other in zip(found, expected, strict=True):
        assert one.keys() == other.keys()
        for name, value in other.items():
            np.testing.assert_array_equal(one[name], value, err_msg=name)


@pytest.mark.parametrize("objective", ["none", "sop", "nsp"])
def test_masked_training_resumes_with_the_same_batches(store, objective):
    plan = plan_of(store)
    batches = PretrainingBatches(store, VOCABULARY, objective, seed=2)
    masker = TokenMasker(VOCABULARY, MaskingConfig())
    steps = plan.steps_in_epoch(0) + plan.steps_in_epoch(1) // 2

    def dataset(start):
        return with_masking(training_dataset(plan, batches, start, FOUR_PARTS), masker, seed=2)

    whole = first(dataset(0), steps)
    assert [batch["step"] for batch in whole] == list(range(steps))
    for start in (1, 5, plan.steps_in_epoch(0), steps - 1):
        assert_same(first(dataset(start), steps - start), whole[start:])


def test_what_is_masked_goes_with_the_batch(store):
    batches = PretrainingBatches(store, VOCABULARY)
    plan = plan_of(store, max_tokens=0)
    masker = TokenMasker(VOCABULARY, MaskingConfig(rate=0.3))
    plain = first(training_dataset(plan, batches), 9)
    masked = first(with_masking(training_dataset(plan, batches), masker, seed=0), 9)
    for before, after in zip(plain, masked, strict=True):
        assert after.keys() == {
            *(before.keys() - {"word_starts"}),
            "mask_positions",
            "mask_labels",
            "mask_weights",
        }
        np.testing.assert_array_equal(
            after["mask_labels"],
            np.take_along_axis(before["token_ids"], after["mask_positions"], axis=1),
        )
        weights = after["mask_weights"]
        assert (weights.sum(axis=1) > 0).tolist() == before["sample_weight"].tolist()
        # Both tokens of a word or none: words are (1, 2), (3, 4) ... but for [SEP] at 3.
        for row, places in enumerate(after["mask_positions"]):
            chosen = set(places[weights[row] > 0].tolist())
            ids = before["token_ids"][row]
            for place in range(5, len(ids) - 1, 2):
                if not {int(ids[place]), int(ids[place + 1])} & set(SPECIAL_IDS):
                    assert (place in chosen) == (place + 1 in chosen)


def test_each_step_and_seed_has_masks_of_its_own(store):
    masker = TokenMasker(VOCABULARY, MaskingConfig())
    batches = PretrainingBatches(store, VOCABULARY)
    plan = plan_of(store, batch_size=ROWS, max_tokens=0, bucket=False)

    def masks(seed):
        """The masked places of every row, epoch by epoch."""
        found = []
        for step, batch in enumerate(
            first(with_masking(training_dataset(plan, batches), masker, seed), 2)
        ):
            order = np.argsort(plan.rows_of_step(step))
            found.append((batch["token_ids"] == VOCABULARY.mask_id)[order])
        return found

    epoch_0, epoch_1 = masks(0)
    assert (epoch_0 != epoch_1).any(axis=1).mean() > 0.5
    assert (epoch_0 != masks(1)[0]).any(axis=1).mean() > 0.5


def test_labelled_training(store):
    plan = plan_of(store)
    dataset = training_dataset(plan, ClassificationBatches(store, VOCABULARY, ROWS), 3)
    for step, batch in enumerate(first(dataset, 12), start=3):
        # The target is the row's number here.
        assert batch["target"].tolist() == plan.rows_of_step(step).tolist()
        assert batch["step"] == step


def test_evaluation_has_every_row_once(store):
    plan = plan_of(store, batch_size=7)
    batches = ClassificationBatches(store, VOCABULARY, ROWS)
    dataset = evaluation_dataset(plan, batches)
    for _ in range(2):  # again and again, the same
        found = list(dataset.as_numpy_iterator())
        rows = np.concatenate([b["target"][b["sample_weight"] > 0] for b in found])
        assert sorted(rows.tolist()) == list(range(ROWS))
        assert [batch["step"] for batch in found] == list(range(plan.steps_in_epoch(0)))


def test_shapes_and_dtypes_are_declared(store):
    dataset = with_masking(
        training_dataset(plan_of(store), PretrainingBatches(store, VOCABULARY, "sop")),
        TokenMasker(VOCABULARY, MaskingConfig()),
        seed=0,
    )
    spec = dataset.element_spec
    ranks = {name: tensor.shape.rank for name, tensor in spec.items()}
    assert ranks == {
        "token_ids": 2,
        "segment_ids": 2,
        "padding_mask": 2,
        "sample_weight": 1,
        "pair_target": 1,
        "step": 0,
        "first_row": 0,
        "mask_positions": 2,
        "mask_labels": 2,
        "mask_weights": 2,
    }
    floats = {name for name, tensor in spec.items() if tensor.dtype == tf.float32}
    assert floats == {"sample_weight", "mask_weights"}

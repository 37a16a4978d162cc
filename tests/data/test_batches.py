"""Rows of a token store -> padded arrays."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from small_vocabulary import VOCABULARY

from keras_bert_cls.data.batch_source import Shard
from keras_bert_cls.data.batches import ClassificationBatches, PretrainingBatches, pad_sequences
from keras_bert_cls.data.token_store import TokenStore, write_token_store

PAD, CLS, SEP = VOCABULARY.pad_id, VOCABULARY.cls_id, VOCABULARY.sep_id


@settings(max_examples=50, deadline=None)
@given(
    st.lists(st.tuples(st.integers(1, 30), st.integers(0, 30)), min_size=1, max_size=7),
    st.integers(1, 4),
)
def test_padding(sizes, row_multiple):
    generator = np.random.default_rng(0)
    sequences = [generator.integers(0, 60, a + b).astype(np.uint16) for a, b in sizes]
    padded_rows = Shard(parts=row_multiple).padded_rows(len(sizes))
    batch = pad_sequences(sequences, np.array([a for a, _ in sizes]), PAD, padded_rows)
    rows, length = batch["token_ids"].shape
    assert rows % row_multiple == 0 and len(sizes) <= rows < len(sizes) + row_multiple
    longest = max(map(len, sequences))
    assert length % 8 == 0 and longest <= length < longest + 8
    for row, (sequence, (first, second)) in enumerate(zip(sequences, sizes, strict=True)):
        padding = length - len(sequence)
        assert batch["token_ids"][row].tolist() == sequence.tolist() + [PAD] * padding
        assert batch["segment_ids"][row].tolist() == [0] * first + [1] * second + [0] * padding
        assert batch["padding_mask"][row].tolist() == [1] * len(sequence) + [0] * padding
    rest = slice(len(sizes), None)
    assert (batch["token_ids"][rest] == PAD).all()
    assert not batch["segment_ids"][rest].any() and not batch["padding_mask"][rest].any()
    assert batch["sample_weight"].tolist() == [1.0] * len(sizes) + [0.0] * (rows - len(sizes))
    dtypes = {name: array.dtype.name for name, array in batch.items()}
    assert dtypes.pop("sample_weight") == "float32"
    assert set(dtypes.values()) == {"int32"}


SEQUENCES = [[CLS, 2, SEP], [CLS, 2, 3, SEP, 4, SEP], [CLS, 5, 6, 7, SEP]]
FIRST_LENGTHS = [3, 4, 5]


def classification_store(folder, target, dtype, ragged=("token_ids",)):
    columns = {"token_ids": "uint16", "first_length": "int32", "target": dtype}
    lengths = {"token_ids": [len(sequence) for sequence in SEQUENCES]}
    if "target" in ragged:
        lengths["target"] = [len(labels) for labels in target]
        target = [label for labels in target for label in labels]
    with write_token_store(folder, columns, ragged, {}) as writer:
        values = {
            "token_ids": np.concatenate(SEQUENCES),
            "first_length": np.array(FIRST_LENGTHS),
            "target": np.array(target),
        }
        writer.append(values, {name: np.array(sizes) for name, sizes in lengths.items()})
    return TokenStore(folder)


@pytest.mark.parametrize(
    ("target", "dtype"), [([4, 0, 2], "int32"), ([0.5, -1.25, 3.0], "float32")]
)
def test_single_targets(tmp_path, target, dtype):
    store = classification_store(tmp_path / "store", target, dtype)
    batch = ClassificationBatches(store, VOCABULARY, 5)(np.array([2, 1]), 0, Shard(parts=4))
    assert batch["target"].dtype == dtype
    assert batch["target"].tolist() == [target[2], target[1], 0, 0]
    assert batch["sample_weight"].tolist() == [1, 1, 0, 0]
    assert batch["token_ids"].tolist()[:2] == [
        [*SEQUENCES[2], PAD, PAD, PAD],
        [*SEQUENCES[1], PAD, PAD],
    ]
    assert batch["segment_ids"].tolist()[:2] == [[0] * 8, [0, 0, 0, 0, 1, 1, 0, 0]]


def test_multi_label_targets(tmp_path):
    labels = [[0, 3], [], [1]]
    store = classification_store(tmp_path / "store", labels, "int32", ("token_ids", "target"))
    batch = ClassificationBatches(store, VOCABULARY, 4)(np.array([0, 1, 2]), 0, Shard(parts=4))
    assert batch["target"].dtype == np.float32
    assert batch["target"].tolist() == [[1, 0, 0, 1], [0, 0, 0, 0], [0, 1, 0, 0], [0, 0, 0, 0]]


def test_what_a_teacher_says_of_rows_without_labels(tmp_path):
    columns = {"token_ids": "uint16", "first_length": "int32", "target": "int32"}
    with write_token_store(
        tmp_path / "s", {**columns, "labelled": "uint8"}, ("token_ids",), {}
    ) as w:
        values = {
            "token_ids": np.concatenate(SEQUENCES),
            "first_length": np.array(FIRST_LENGTHS),
            "target": np.array([2, 0, 0]),
            "labelled": np.array([True, False, True]),
        }
        w.append(values, {"token_ids": np.array([len(sequence) for sequence in SEQUENCES])})
    logits = np.arange(6, dtype=np.float32).reshape(3, 2)
    batches = ClassificationBatches(TokenStore(tmp_path / "s"), VOCABULARY, 2, logits)
    batch = batches(np.array([2, 1]), 0, Shard(parts=4))
    assert batch["labelled"].tolist() == [1, 0, 0, 0]
    assert batch["teacher_logits"].tolist() == [[4, 5], [2, 3], [0, 0], [0, 0]]
    assert {batch[name].dtype.name for name in ("labelled", "teacher_logits")} == {"float32"}
    # Workers' parts make up the whole.
    parts = [batches(np.array([2, 1]), 0, Shard(worker, 2, 4)) for worker in range(2)]
    for name in ("labelled", "teacher_logits"):
        np.testing.assert_array_equal(np.concatenate([part[name] for part in parts]), batch[name])


def pair_store(folder, pairs, with_words=True):
    """A store of [CLS] a [SEP] b [SEP]; a word starts at every token with an even id."""
    sequences = [np.array([CLS, *a, SEP, *b, SEP]) for a, b in pairs]
    columns = {"token_ids": "uint16", "first_length": "int32"}
    values = {
        "token_ids": np.concatenate(sequences),
        "first_length": np.array([len(a) + 2 for a, _ in pairs]),
    }
    if with_words:
        columns["word_starts"] = "uint8"
        values["word_starts"] = np.concatenate([sequence % 2 == 0 for sequence in sequences])
    ragged = tuple(name for name in ("token_ids", "word_starts") if name in columns)
    with write_token_store(folder, columns, ragged, {}) as writer:
        writer.append(values, dict.fromkeys(ragged, np.array([len(s) for s in sequences])))
    return TokenStore(folder)


def random_pairs(count, seed=0):
    """Pairs of segments, of which no two are alike."""
    generator = np.random.default_rng(seed)
    sizes = generator.integers(1, 9, (count, 2))
    return [[1000 + generator.choice(9000, size) for size in row] for row in sizes]


def segments_of(batch, row):
    """Takes a row apart: (a, b), checking the frame."""
    ids = batch["token_ids"][row][batch["padding_mask"][row] > 0]
    segments = batch["segment_ids"][row][batch["padding_mask"][row] > 0]
    first, second = ids[segments == 0], ids[segments == 1]
    assert sorted(segments) == segments.tolist()
    assert first[0] == CLS and first[-1] == SEP and second[-1] == SEP
    return first[1:-1].tolist(), second[:-1].tolist()


@pytest.mark.parametrize("objective", ["none", "sop", "nsp"])
def test_pairs(tmp_path, objective):
    pairs = random_pairs(40)
    store = pair_store(tmp_path / "store", pairs)
    make = PretrainingBatches(store, VOCABULARY, objective, seed=3)
    labels = []
    for step in range(12):
        rows = np.random.default_rng(step).permutation(40)[:20]
        batch = make(rows, step, Shard(parts=8))
        assert batch["token_ids"].shape[0] == 24
        if objective == "none":
            assert "pair_target" not in batch
            targets = [0] * 20
        else:
            assert batch["pair_target"].dtype == np.int32
            assert not batch["pair_target"][20:].any()
            targets = batch["pair_target"][:20].tolist()
        labels += targets
        real = batch["padding_mask"] > 0
        # Word starts go where their tokens go.
        np.testing.assert_array_equal(batch["word_starts"][real], batch["token_ids"][real] % 2 == 0)
        assert batch["word_starts"].dtype == bool and batch["word_starts"][~real].all()
        for place, (row, target) in enumerate(zip(rows, targets, strict=True)):
            a, b = (segment.tolist() for segment in pairs[row])
            found = segments_of(batch, place)
            if not target:
                assert found == (a, b)
            elif objective == "sop":
                assert found == (b, a)
            else:
                assert found[0] == a and 1 <= len(found[1]) <= len(b)
                sources = [
                    other
                    for other, (_, segment) in enumerate(pairs)
                    if segment[: len(found[1])].tolist() == found[1]
                ]
                assert sources and sources != [row]
    assert objective == "none" or 90 < sum(labels) < 150  # of 240, by a fair coin


def test_nsp_never_takes_the_row_itself(tmp_path):
    pairs = random_pairs(2)
    make = PretrainingBatches(pair_store(tmp_path / "store", pairs), VOCABULARY, "nsp")
    replaced = 0
    for step in range(40):
        batch = make(np.array([0, 1]), step)
        for row in np.flatnonzero(batch["pair_target"]):
            replaced += 1
            size = min(len(pair[1]) for pair in pairs)
            assert segments_of(batch, row)[1][:size] == pairs[1 - row][1][:size].tolist()
    assert replaced > 20


@pytest.mark.parametrize("objective", ["sop", "nsp"])
def test_pairs_depend_on_seed_and_step_only(tmp_path, objective):
    store = pair_store(tmp_path / "store", random_pairs(30), with_words=False)
    rows = np.arange(30)

    def tokens(seed, step):
        return PretrainingBatches(store, VOCABULARY, objective, seed)(rows, step)

    expected = tokens(1, 2)
    assert "word_starts" not in expected
    for name, array in tokens(1, 2).items():
        np.testing.assert_array_equal(array, expected[name])
    for other in (tokens(2, 2), tokens(1, 3)):
        assert other["pair_target"].tolist() != expected["pair_target"].tolist()


def test_swapping_twice_is_nothing(tmp_path):
    """Sentence order: what is swapped is as long and as well framed as before."""
    pairs = random_pairs(10)
    store = pair_store(tmp_path / "store", pairs)
    batch = PretrainingBatches(store, VOCABULARY, "sop")(np.arange(10), 0)
    plain = PretrainingBatches(store, VOCABULARY)(np.arange(10), 0)
    np.testing.assert_array_equal(batch["padding_mask"], plain["padding_mask"])
    for row in range(10):
        assert sorted(segments_of(batch, row)) == sorted(segments_of(plain, row))


@pytest.mark.parametrize("objective", ["none", "sop", "nsp"])
@pytest.mark.parametrize("workers", [2, 3])
def test_workers_share_out_the_global_batch(tmp_path, objective, workers):
    store = pair_store(tmp_path / "store", random_pairs(30))
    make = PretrainingBatches(store, VOCABULARY, objective, seed=1)
    # Fewer rows than parts: some workers have padding rows only.
    for rows in (np.arange(30)[::-1], np.array([4, 9]), np.array([3])):
        whole = make(rows, 5, Shard(parts=2 * workers))
        parts = [make(rows, 5, Shard(w, workers, 2 * workers)) for w in range(workers)]
        assert len({part["token_ids"].shape for part in parts}) == 1
        for name, array in whole.items():
            np.testing.assert_array_equal(np.concatenate([part[name] for part in parts]), array)


def test_nsp_changes_nothing_where_there_is_nothing_to_take(tmp_path):
    alone = PretrainingBatches(pair_store(tmp_path / "one", random_pairs(1)), VOCABULARY, "nsp")
    short = PretrainingBatches(
        pair_store(tmp_path / "two", [([7], []), ([8], [])]), VOCABULARY, "nsp"
    )
    for step in range(20):
        assert not alone(np.array([0]), step)["pair_target"].any()
        assert not short(np.array([0, 1]), step)["pair_target"].any()

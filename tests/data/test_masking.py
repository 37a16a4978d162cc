"""Dynamic masking, against the words that plain Python finds."""

import json
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from small_vocabulary import SPECIAL_IDS, VOCABULARY

from keras_bert_cls.data.config import MaskingConfig
from keras_bert_cls.data.masking import TokenMasker

LONGEST_WORD = 8
PAD, CLS, SEP, MASK = (
    VOCABULARY.pad_id,
    VOCABULARY.cls_id,
    VOCABULARY.sep_id,
    VOCABULARY.mask_id,
)


def mask(token_ids, seed=(0, 0), word_starts=None, **config):
    masker = TokenMasker(VOCABULARY, MaskingConfig(**config))
    if word_starts is not None:
        word_starts = tf.constant(word_starts)
    masked = masker(tf.constant(token_ids, tf.int32), tf.constant(seed, tf.int64), word_starts)
    return {name: value.numpy() for name, value in masked.items()}


def chosen_positions(masked):
    """The positions to predict, a set a row."""
    rows = zip(masked["mask_positions"], masked["mask_weights"], strict=True)
    return [set(positions[weights > 0].tolist()) for positions, weights in rows]


def words_of(row, starts=None):
    """Positions of the words of a row, in parts of at most 8; special tokens are in no word."""
    words, open_word = [], None
    for position, token_id in enumerate(row):
        if token_id in SPECIAL_IDS:
            # What follows in the middle of a word is a word by itself.
            open_word = None
            continue
        if starts is None:
            begins = not VOCABULARY.tokens[token_id].startswith("##")
        else:
            begins = starts[position]
        if begins or open_word is None:
            open_word = []
            words.append(open_word)
        open_word.append(position)
    starts_of_parts = range(0, len(row), LONGEST_WORD)
    parts = [word[start : start + LONGEST_WORD] for word in words for start in starts_of_parts]
    return [part for part in parts if part]


def wanted(row, rate):
    count = sum(token_id not in SPECIAL_IDS for token_id in row)
    return min(count, max(1, round(count * rate)))


TOKEN_IDS = st.one_of(
    st.integers(0, len(VOCABULARY) - 1),
    st.sampled_from([VOCABULARY.id_of(f"##{letter}") for letter in "abc"]),
    st.just(PAD),
)


@st.composite
def batches(draw):
    rows, length = draw(st.integers(0, 4)), draw(st.integers(1, 40))
    ids = [draw(st.lists(TOKEN_IDS, min_size=length, max_size=length)) for _ in range(rows)]
    return np.array(ids, np.int32).reshape(rows, length)


@settings(max_examples=50, deadline=None)
@given(batches(), st.sampled_from([0.15, 0.4]), st.booleans(), st.booleans(), st.integers(0, 99))
def test_what_is_masked(token_ids, rate, whole_words, segmented, seed):
    starts = None
    if segmented:
        starts = np.random.default_rng(seed).random(token_ids.shape) < 0.4
    masked = mask(token_ids, (seed, 5), starts, rate=rate, whole_words=whole_words)
    chosen = chosen_positions(masked)
    assert masked["mask_positions"].shape[1] == max([1, *map(len, chosen)])
    unused = masked["mask_weights"] == 0
    assert not masked["mask_positions"][unused].any()
    assert set(masked["mask_weights"].ravel().tolist()) <= {0.0, 1.0}
    for row, ids in enumerate(token_ids):
        count = int(masked["mask_weights"][row].sum())
        assert len(chosen[row]) == count  # no position twice
        places = masked["mask_positions"][row][:count]
        np.testing.assert_array_equal(masked["mask_labels"][row][:count], ids[places])
        assert not {int(ids[place]) for place in places} & set(SPECIAL_IDS)
        untouched = sorted(set(range(len(ids))) - chosen[row])
        np.testing.assert_array_equal(masked["token_ids"][row][untouched], ids[untouched])
        goal = wanted(ids, rate)
        if not whole_words:
            assert count == goal
            continue
        assert goal <= count < goal + LONGEST_WORD
        row_starts = None if starts is None else starts[row]
        for word in words_of(ids, row_starts):
            assert set(word) <= chosen[row] or not set(word) & chosen[row]


def framed(tokens):
    return [CLS, *map(VOCABULARY.id_of, tokens.split()), SEP, PAD, PAD]


def test_pieces_are_chosen_with_their_word():
    row = framed("a ##b the movie play ##ing 今 天 . d ##a ##b ##c")
    words = {frozenset(word) for word in words_of(row)}
    assert frozenset({1, 2}) in words and frozenset({10, 11, 12, 13}) in words
    seen = set()
    for seed in range(60):
        chosen = chosen_positions(mask([row], (seed, 0)))[0]
        taken = {word for word in words if word & chosen}
        assert set().union(*taken) == chosen
        seen |= taken
    assert seen == words


def test_given_words_are_chosen_together():
    row = framed("今 天 天 气 很 好")
    starts = [True, True, False, True, False, True, True, True, True, True]
    seen = {
        frozenset(chosen_positions(mask([row], (seed, 0), [starts], rate=0.01))[0])
        for seed in range(60)
    }
    assert seen == {frozenset(word) for word in ((1, 2), (3, 4), (5,), (6,))}


def test_tokens_after_a_frame_token_can_be_chosen():
    """A sequence may begin in the middle of a word."""
    row = framed("##a ##b c")
    seen = {frozenset(chosen_positions(mask([row], (seed, 0), rate=0.01))[0]) for seed in range(30)}
    assert seen == {frozenset({1, 2}), frozenset({3})}


@pytest.mark.parametrize("begin", ["##a", "a"])
def test_words_of_many_pieces_are_chosen_in_parts(begin):
    row = framed(" ".join([begin, *["##b"] * 19]))
    seen = {frozenset(chosen_positions(mask([row], (seed, 0), rate=0.01))[0]) for seed in range(30)}
    assert seen == {frozenset(range(*ends)) for ends in ((1, 9), (9, 17), (17, 21))}


def test_words_of_many_pieces_do_not_keep_a_row_from_learning():
    row = framed(" ".join(["a", *["##b"] * 29, "the"]))
    for seed in range(30):
        count = len(chosen_positions(mask([row], (seed, 0)))[0])
        assert 5 <= count < 5 + LONGEST_WORD  # 15 % of 31 tokens
    alone = framed(" ".join(["a", *["##b"] * 19]))
    assert all(chosen_positions(mask([alone], (seed, 0)))[0] for seed in range(10))


@pytest.mark.parametrize("count", [1, 2, 3, 6])
def test_short_rows_have_one_prediction(count):
    masked = mask([framed(" ".join("abcdef"[:count]))])
    assert masked["mask_weights"].tolist() == [[1.0]]


def test_rows_without_text_have_none():
    masked = mask([[PAD] * 5, [CLS, SEP, PAD, PAD, PAD], [CLS, VOCABULARY.unk_id, SEP, PAD, PAD]])
    assert masked["mask_weights"].tolist() == [[0.0]] * 3
    assert masked["mask_positions"].tolist() == [[0]] * 3
    np.testing.assert_array_equal(masked["token_ids"][1], [CLS, SEP, PAD, PAD, PAD])


def letters(rows, length, seed=0):
    """Rows of words of one token."""
    ids = [VOCABULARY.id_of(letter) for letter in "abcdefgh"]
    return np.random.default_rng(seed).choice(ids, (rows, length)).astype(np.int32)


def test_proportions():
    token_ids = letters(200, 400)
    masked = mask(token_ids, rate=0.15)
    assert (masked["mask_weights"] > 0).mean(axis=1).tolist() == [1.0] * 200  # all rows have 60
    assert masked["mask_weights"].shape == (200, 60)
    positions = masked["mask_positions"]
    became = np.take_along_axis(masked["token_ids"], positions, axis=1)
    was = masked["mask_labels"]
    count = was.size  # 12,000
    is_mask, is_same = became == MASK, became == was
    spread = 4 * np.sqrt(0.25 / count)
    replacements = len(VOCABULARY) - len(SPECIAL_IDS)
    assert abs(is_mask.mean() - 0.8) < spread
    assert abs(is_same.mean() - (0.1 + 0.1 / replacements)) < spread
    changed = became[~is_mask & ~is_same]
    assert not set(changed.tolist()) & set(SPECIAL_IDS)
    # Any other token may come, each as often: Pearson's chi-square, by its normal approximation.
    expected = count * 0.1 / replacements
    seen = np.bincount(changed, minlength=len(VOCABULARY))[
        np.setdiff1d(np.arange(len(VOCABULARY)), [*SPECIAL_IDS, *np.unique(was)])
    ]
    statistic = ((seen - expected) ** 2 / expected).sum()
    assert (statistic - len(seen)) / np.sqrt(2 * len(seen)) < 4


@pytest.mark.parametrize(
    ("shares", "expected"),
    [((1.0, 0.0), "mask"), ((0.0, 0.0), "same"), ((0.0, 1.0), "random")],
)
def test_extreme_shares(shares, expected):
    token_ids = letters(20, 50)
    masked = mask(token_ids, mask_share=shares[0], random_share=shares[1])
    became = np.take_along_axis(masked["token_ids"], masked["mask_positions"], axis=1)
    if expected == "mask":
        assert (became == MASK).all()
    elif expected == "same":
        np.testing.assert_array_equal(masked["token_ids"], token_ids)
    else:
        assert not (became == MASK).any() and (became != masked["mask_labels"]).mean() > 0.9


def test_every_place_is_chosen_as_often():
    token_ids = np.tile(letters(1, 20), (500, 1))
    seen = np.zeros(20)
    for seed in range(8):
        for positions in chosen_positions(mask(token_ids, (seed, 1), rate=0.2)):
            seen[list(positions)] += 1
    expected = 500 * 8 * 0.2
    assert abs(seen - expected).max() < 5 * np.sqrt(expected)


def test_rows_of_a_batch_differ_and_seeds_differ():
    token_ids = np.tile(letters(1, 60), (6, 1))
    masked = mask(token_ids, (1, 2))
    assert len({frozenset(row) for row in chosen_positions(masked)}) == 6
    again, other_seed, other_step = (mask(token_ids, seed) for seed in [(1, 2), (2, 2), (1, 3)])
    for name, value in masked.items():
        np.testing.assert_array_equal(again[name], value)
    for other in (other_seed, other_step):
        assert chosen_positions(other) != chosen_positions(masked)


class Module(tf.Module):
    def __init__(self):
        super().__init__()
        self._masker = TokenMasker(VOCABULARY, MaskingConfig(rate=0.3))

    @tf.function(
        input_signature=[
            tf.TensorSpec([None, None], tf.int32),
            tf.TensorSpec([2], tf.int64),
            tf.TensorSpec([None, None], tf.bool),
        ]
    )
    def __call__(self, token_ids, seed, word_starts):
        return self._masker(token_ids, seed, word_starts)


def test_the_same_in_every_place(tmp_path):
    token_ids = letters(3, 30)
    token_ids[:, 20:] = PAD
    starts = np.random.default_rng(1).random(token_ids.shape) < 0.5
    expected = mask(token_ids, (3, 4), starts, rate=0.3)

    module = Module()
    arguments = (tf.constant(token_ids), tf.constant([3, 4], tf.int64), tf.constant(starts))
    for name, value in module(*arguments).items():
        np.testing.assert_array_equal(value, expected[name], err_msg=name)

    masker = TokenMasker(VOCABULARY, MaskingConfig(rate=0.3))
    dataset = tf.data.Dataset.from_tensors(arguments).map(masker, num_parallel_calls=2)
    for name, value in next(iter(dataset)).items():
        np.testing.assert_array_equal(value, expected[name], err_msg=name)

    tf.saved_model.save(module, str(tmp_path / "masker"))
    np.savez(tmp_path / "inputs.npz", token_ids=token_ids, starts=starts)
    code = (
        "import json, sys, numpy as np, tensorflow as tf\n"
        "inputs = np.load(sys.argv[2])\n"
        "masked = tf.saved_model.load(sys.argv[1])(tf.constant(inputs['token_ids']),"
        " tf.constant([3, 4], tf.int64), tf.constant(inputs['starts']))\n"
        "print(json.dumps({name: value.numpy().tolist() for name, value in masked.items()}))"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "masker"), str(tmp_path / "inputs.npz")]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    for name, value in json.loads(done.stdout.splitlines()[-1]).items():
        np.testing.assert_array_equal(value, expected[name], err_msg=name)


def test_config_problems():
    assert not MaskingConfig().problems()
    found = MaskingConfig(rate=1.0, mask_share=0.9, random_share=0.2).problems()
    assert [problem.split()[0] for problem in found] == ["rate", "mask_share"]
    assert MaskingConfig(random_share=-0.1).problems()


@pytest.mark.parametrize("whole_words", [True, False])
def test_workers_that_share_a_batch_mask_it_as_one_would(whole_words):
    token_ids = letters(12, 24)
    whole = mask(token_ids, (4, 9), whole_words=whole_words)
    masker = TokenMasker(VOCABULARY, MaskingConfig(whole_words=whole_words))
    for start in (0, 4, 7):
        part = masker(tf.constant(token_ids[start : start + 5]), tf.constant([4, 9]), None, start)
        np.testing.assert_array_equal(part["token_ids"], whole["token_ids"][start : start + 5])
        kept = min(part["mask_labels"].shape[1], whole["mask_labels"].shape[1])
        for name in ("mask_positions", "mask_labels", "mask_weights"):
            expected = whole[name][start : start + 5]
            np.testing.assert_array_equal(part[name][:, :kept], expected[:, :kept])
            assert not np.any(part[name][:, kept:]) and not np.any(expected[:, kept:])

"""infill against mask-predict in plain Python, and what is written around the new words."""

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from plain_masked_lm import SPECIAL, ids_of, likeliest, mask_predict
from tiny_trained_models import TOKENS, make_trained_model

from keras_bert_cls.counter_random import random_uniform
from keras_bert_cls.export import infill_signature as module
from keras_bert_cls.export.infill_signature import infill_signature
from keras_bert_cls.export.session import SavedModelSession

TEXTS = [
    "the [MASK] was [MASK][MASK][MASK]",
    "很[MASK]看",
    "",
    "no mask",
    "[MASK]" * 7,
    "[MASK]" * 30,
    "the " * 19 + "[MASK] [MASK] [MASK] [MASK]",
]


def inputs(texts, seed=0, passes=4, temperature=0.0, top_k=0, top_p=1.0):
    """Each setting is one for all texts, or one for each."""
    rows = len(texts)
    return {
        "text": np.array([text.encode() for text in texts], object),
        "seed": np.broadcast_to(np.array(seed, np.int64), rows).copy(),
        "passes": np.broadcast_to(np.array(passes, np.int32), rows).copy(),
        "temperature": np.broadcast_to(np.array(temperature, np.float32), rows).copy(),
        "top_k": np.broadcast_to(np.array(top_k, np.int32), rows).copy(),
        "top_p": np.broadcast_to(np.array(top_p, np.float32), rows).copy(),
    }


@pytest.fixture(scope="module")
def trained(exported):
    return exported("masked_lm").trained


@pytest.fixture(scope="module")
def session(exported):
    with SavedModelSession(exported("masked_lm").folder) as session:
        yield session


@pytest.fixture(scope="module")
def infill(session):
    def call(texts, **settings):
        answer = session.call("infill", inputs(texts, **settings))
        answer["sequence"] = [text.decode() for text in answer["sequence"]]
        answer["tokens"] = [[token.decode() for token in row if token] for row in answer["tokens"]]
        return answer

    return call


@pytest.mark.parametrize("passes", [1, 3, 30])
def test_the_likeliest_tokens_by_the_algorithm(trained, infill, passes):
    answer = infill(TEXTS, passes=passes)
    for row, text in enumerate(TEXTS):
        tokens, shares = mask_predict(trained, text, passes, likeliest(trained))
        assert answer["tokens"][row] == tokens
        np.testing.assert_allclose(answer["scores"][row, : len(shares)], shares, atol=1e-5)
        assert not answer["scores"][row, len(shares) :].any()


def test_later_passes_change_something(infill):
    """Guards the test above: a model whose first guess stands would pass it with one pass."""
    once, often = (infill(TEXTS, passes=passes)["tokens"] for passes in (1, 5))
    assert once != often


def test_drawn_tokens_by_the_algorithm(trained, infill):
    """With the same random numbers, put into the inverse of the distribution."""
    seed, passes, temperature = 2**40 + 5, 4, 1.5
    allowed = np.array([token not in SPECIAL for token in TOKENS])

    def choose(number, mask, logs):
        step = 2**40 + number
        uniform = float(random_uniform("mask_predict", 5, step, mask, 1, 1)[0, 0])
        shares = np.where(allowed, np.exp(logs / temperature), 0.0)
        order = np.argsort(-shares, kind="stable")
        cumulated = np.cumsum(shares[order])
        return int(order[np.searchsorted(cumulated, uniform * cumulated[-1], side="right")])

    answer = infill(TEXTS, seed=seed, passes=passes, temperature=temperature)
    for row, text in enumerate(TEXTS):
        tokens, shares = mask_predict(trained, text, passes, choose)
        assert answer["tokens"][row] == tokens
        np.testing.assert_allclose(answer["scores"][row, : len(shares)], shares, atol=1e-5)


def test_a_seed_fixes_what_is_drawn_whatever_else_is_in_the_batch(infill):
    seeds = [7, 7, 7, 2**62 + 1, 7, 8, 9]
    settings = {"temperature": 1.0, "top_p": 0.95}
    together = infill(TEXTS, seed=seeds, **settings)
    assert infill(TEXTS, seed=seeds, **settings)["tokens"] == together["tokens"]
    backwards = infill(TEXTS[::-1], seed=seeds[::-1], **settings)
    assert backwards["tokens"][::-1] == together["tokens"]
    for row, text in enumerate(TEXTS):
        alone = infill([text], seed=seeds[row], **settings)
        assert alone["tokens"] == [together["tokens"][row]]
        assert alone["sequence"] == [together["sequence"][row]]
    mixed = infill(TEXTS, seed=seeds, temperature=[0.0, 1.0] * 3 + [0.0], top_p=0.95)
    assert mixed["tokens"][5] == together["tokens"][5]
    assert mixed["tokens"][4] == infill(TEXTS[4:5])["tokens"][0]


def test_other_seeds_and_passes_draw_other_tokens(infill):
    texts = ["[MASK]" * 8] * 12
    drawn = infill(texts, seed=range(12), temperature=1.0, passes=1)["tokens"]
    assert len({tuple(row) for row in drawn}) > 10
    high = infill(texts, seed=np.arange(12) << 33, temperature=1.0, passes=1)["tokens"]
    assert len({tuple(row) for row in high}) > 10


def test_special_tokens_are_never_put_in(infill):
    answer = infill(["[MASK]" * 20] * 30, seed=range(30), temperature=50.0, passes=1)
    found = {token for row in answer["tokens"] for token in row}
    assert found == set(TOKENS) - set(SPECIAL)


def test_parts_change_nothing(trained, infill, monkeypatch):
    monkeypatch.setattr(module, "LOGITS_AT_ONCE", 2 * 22 * len(TOKENS))
    function = infill_signature(trained, 8)
    for temperature in (0.0, 1.0):
        answer = function(*map(tf.constant, inputs(TEXTS, 3, 4, temperature).values()))
        expected = infill(TEXTS, seed=3, temperature=temperature)
        assert [text.numpy().decode() for text in answer["sequence"]] == expected["sequence"]
        np.testing.assert_allclose(answer["scores"], expected["scores"], atol=1e-5)


@given(
    st.lists(st.sampled_from(["the", " ", "很", "[MASK]", "[MASK] ", "！", "\u3000", "(", "ed"]))
)
@settings(max_examples=40, deadline=None)
def test_only_blanks_are_added_and_only_where_people_write_them(trained, infill, pieces):
    text = "".join(pieces[:10])
    answer = infill([text], seed=len(pieces), temperature=2.0)
    sequence, tokens = answer["sequence"][0], answer["tokens"][0]
    parts = text.split("[MASK]")
    assert len(tokens) == len(parts) - 1
    words = [token.removeprefix("##") for token in tokens]
    filled = parts[0] + "".join(w + p for w, p in zip(words, parts[1:], strict=True))
    assert "".join(sequence.split()) == "".join(filled.split())
    # Read again, the text has the tokens that were put in: no two words were glued together.
    again = [TOKENS[token] for token in ids_of(trained, sequence)]
    if not any(token.startswith("##") for token in tokens):
        wanted = [TOKENS[token] for token in ids_of(trained, text)]
        filler = iter(tokens)
        assert again == [next(filler) if token == "[MASK]" else token for token in wanted]
    assert "  " not in sequence or "  " in text


def filled_with(tokens, text):
    """What infill writes if the masks of a text get these tokens."""
    trained = make_trained_model("masked_lm")

    def model(inputs, training):
        width = tf.shape(inputs["mask_positions"])[1]
        ids = tf.constant([[TOKENS.index(token) for token in tokens]])
        return {"logits": tf.one_hot(ids, len(TOKENS))[:, :width]}

    trained.model = model
    infiller = module._Infiller(trained, 8)
    answer = infiller.infill(*map(tf.constant, inputs([text], passes=1).values()))
    return answer["sequence"].numpy()[0].decode()


@pytest.mark.parametrize(
    ("tokens", "text", "expected"),
    [
        (["was", "good"], "The Movie[MASK][MASK]", "The Movie was good"),
        (["##ing", "."], "They play[MASK][MASK]", "They playing."),
        (["was", "good"], "Movie [MASK] [MASK] !", "Movie was good !"),
        (["was"], "movie[MASK]good", "movie was good"),
        ([","], "movie[MASK]good", "movie, good"),
        (["好", "看"], "很[MASK][MASK]！", "很好看！"),
        (["good"], "很[MASK]看", "很good看"),
        (["the", "movie"], "[MASK][MASK]", "the movie"),
        (["the"], "\t[MASK]\u3000good", "\tthe\u3000good"),
    ],
)
def test_blanks(tokens, text, expected):
    assert filled_with(tokens, text) == expected


def test_masks_that_are_cut_off_stay(infill):
    answer = infill([TEXTS[6], "[MASK]" * 5000])
    assert len(answer["tokens"][0]) == 3
    assert answer["sequence"][0].endswith(" [MASK]")
    assert answer["sequence"][0].count("[MASK]") == 1
    assert len(answer["tokens"][1]) == 22
    assert answer["sequence"][1].count("[MASK]") == 5000 - 22
    assert answer["scores"].shape == (2, 24)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"passes": 0}, "passes must be 1 to 100"),
        ({"passes": 101}, "passes must be 1 to 100"),
        ({"seed": -1}, "seed must be at least 0"),
        ({"temperature": -0.5}, "temperature must be"),
        ({"temperature": np.nan}, "temperature must be"),
        ({"temperature": np.inf}, "temperature must be"),
        ({"top_k": -1}, "top_k must be at least 0"),
        ({"top_p": 0.0}, "top_p must be above 0"),
        ({"top_p": 1.5}, "top_p must be above 0"),
        ({"top_p": np.nan}, "top_p must be above 0"),
    ],
)
def test_wrong_settings_are_refused(infill, wrong, message):
    with pytest.raises(tf.errors.InvalidArgumentError, match=message):
        infill(["[MASK]"], **wrong)


def test_uneven_inputs_are_refused(session):
    uneven = {**inputs(["[MASK]"]), "top_p": np.ones(2, np.float32)}
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"top_p and text .* equally many"):
        session.call("infill", uneven)

"""fill_mask against a plain computation from its definition."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny_trained_models import TOKENS, softmax

from keras_bert_cls.export.session import SavedModelSession

CUT_OFF = "the " * 30 + "[MASK]"


@pytest.fixture(scope="module")
def fill_mask(exported):
    with SavedModelSession(exported("masked_lm").folder) as session:

        def call(texts):
            encoded = np.array([text.encode() for text in texts], object)
            answer = session.call("fill_mask", {"text": encoded})
            default = session.call("serving_default", {"text": encoded})
            np.testing.assert_array_equal(answer["tokens"], default["tokens"])
            answer["tokens"] = np.vectorize(bytes.decode, otypes=[object])(answer["tokens"])
            answer["sequence"] = [text.decode() for text in answer["sequence"]]
            return answer

        yield call


def probabilities_of(trained, text):
    """Probabilities float64 [masks, vocabulary] of a text that is not too long."""
    ids = [TOKENS.index("[CLS]")]
    for number, piece in enumerate(text.split("[MASK]")):
        ids += [TOKENS.index("[MASK]")] if number else []
        ids += [TOKENS.index(token) for token in trained.tokenizer.tokens_of(piece)]
    ids.append(TOKENS.index("[SEP]"))
    positions = [place for place, token_id in enumerate(ids) if TOKENS[token_id] == "[MASK]"]
    logits = trained.model(
        {
            "token_ids": np.array([ids], np.int32),
            "segment_ids": np.zeros([1, len(ids)], np.int32),
            "padding_mask": np.ones([1, len(ids)], np.int32),
            "mask_positions": np.array([positions], np.int32),
        }
    )["logits"]
    return softmax(logits.numpy()[0].astype(np.float64))


def test_tokens_and_scores_are_the_models(exported, fill_mask):
    texts = ["the [MASK] was good", "[MASK][MASK]!", "很[MASK]看 [MASK]", "it was play[MASK]"]
    answer = fill_mask(texts)
    assert answer["tokens"].shape == answer["scores"].shape == (4, 2, 5)
    for row, text in enumerate(texts):
        probabilities = probabilities_of(exported("masked_lm").trained, text)
        for place, column in enumerate(probabilities):
            best = np.argsort(-column)[:5]
            np.testing.assert_allclose(answer["scores"][row, place], column[best], atol=1e-5)
            assert answer["tokens"][row, place].tolist() == [TOKENS[index] for index in best]


def test_rows_with_fewer_masks_are_filled_up_with_nothing(fill_mask):
    answer = fill_mask(["the [MASK] was [MASK]", "good [MASK]", "no mask", ""])
    assert (answer["tokens"] != "").any(-1).tolist() == [
        [True, True],
        [True, False],
        [False, False],
        [False, False],
    ]
    np.testing.assert_array_equal(answer["scores"] > 0, answer["tokens"] != "")
    assert answer["sequence"][2:] == ["no mask", ""]


def test_no_mask_at_all(fill_mask):
    answer = fill_mask(["no mask", "[mask]", "[MASK"])
    assert answer["tokens"].shape == answer["scores"].shape == (3, 0, 5)
    assert answer["sequence"] == ["no mask", "[mask]", "[MASK"]


def test_a_mask_that_is_cut_off_stays(fill_mask):
    answer = fill_mask([f"[MASK] {CUT_OFF}"])
    assert (answer["tokens"] != "").all(-1).tolist() == [[True, False]]
    assert answer["sequence"][0].endswith(CUT_OFF)
    assert not answer["sequence"][0].startswith("[MASK]")


@given(st.lists(st.lists(st.sampled_from(["the ", "很", "[MASK]", "\n", "##", "ed"]))))
@settings(max_examples=30, deadline=None)
def test_sequence_is_the_text_with_the_first_tokens_filled_in(fill_mask, pieces):
    texts = ["".join(row[:10]) for row in pieces]
    answer = fill_mask(texts)
    widest = max((text.count("[MASK]") for text in texts), default=0)
    assert answer["tokens"].shape == (len(texts), widest, 5)
    for text, tokens, sequence in zip(texts, answer["tokens"], answer["sequence"], strict=True):
        first, *rest = text.split("[MASK]")
        words = [token.removeprefix("##") for token in tokens[:, 0][: len(rest)]]
        assert all(words)
        expected = first + "".join(word + piece for word, piece in zip(words, rest, strict=True))
        assert sequence == expected

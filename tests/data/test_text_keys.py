"""When two texts are the same."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keras_bert_cls.data.text_keys import comparable_text, text_key

TEXTS = st.text(max_size=30)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Good film", "  good  FILM\n"),
        ("味道很好，推荐！", "味道很好,推荐!"),
        ("soft\u00adware", "software"),
        ("\ufeffabc\u200b", "ABC"),
        ("Straße", "STRASSE"),
        ("e\u0301té", "Été"),
        ("a\u3000b", "a b"),
        ("nul\0", "nul"),
    ],
)
def test_what_no_reader_sees_makes_no_difference(one, other):
    assert text_key(one) == text_key(other)
    assert text_key("x", one) == text_key("x", other)


@pytest.mark.parametrize(
    ("one", "other"),
    [("good", "good!"), ("therapist", "the rapist"), ("好", "好好"), ("resume", "résumé")],
)
def test_other_texts_have_other_keys(one, other):
    assert text_key(one) != text_key(other)


def test_where_a_text_ends_matters():
    pairs = [("a", "b c"), ("a b", "c"), ("b c", "a"), ("a b c", None), ("a b c", "")]
    assert len({text_key(*pair) for pair in pairs}) == len(pairs)


@settings(max_examples=200, deadline=None)
@given(TEXTS)
def test_a_comparable_text_is_comparable_to_itself(text):
    comparable = comparable_text(text)
    assert comparable_text(comparable) == comparable
    assert comparable == comparable.strip()
    assert text_key(text) == text_key(comparable)


@settings(max_examples=50, deadline=None)
@given(TEXTS, TEXTS)
def test_keys_are_equal_where_comparable_texts_are(one, other):
    same = comparable_text(one) == comparable_text(other)
    assert (text_key(one) == text_key(other)) == same


def test_half_a_character_has_a_key():
    assert len(text_key("\ud83d")) == 16

import collections
import random

import pytest
import reference_tokenizer
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from keras_bert_cls.errors import UserError
from keras_bert_cls.text.tokenizer import Tokenizer
from keras_bert_cls.text.vocabulary import SPECIAL_TOKENS, text_of
from keras_bert_cls.text.vocabulary_learning import learn_vocabulary

TEXTS = [
    *["The lowest of the low lowered the Lower lowlands."] * 40,
    *["He was playing, playing and replaying: résumé RÉSUMÉ naïve."] * 30,
    *["今天天气很好，我们去爬山吧！天好。"] * 20,
    *["用keras跑模型，12小时。"] * 10,
    "龘",
    "rare ж word",
]


@pytest.fixture(scope="module")
def vocabulary():
    return learn_vocabulary(TEXTS, size=200, min_frequency=5, cjk_min_count=5)


def test_special_tokens_first_then_characters_by_frequency(vocabulary):
    assert vocabulary.tokens[:5] == SPECIAL_TOKENS
    assert vocabulary.pad_id == 0
    words = [word for text in TEXTS for word in reference_tokenizer.words_of(text, True, True)]
    starts = collections.Counter(word[0] for word in words)
    inside = collections.Counter(f"##{letter}" for word in words for letter in word[1:])
    counts = {token: count for token, count in (starts + inside).items() if count >= 5}
    characters = sorted(counts, key=lambda token: (-counts[token], token))
    assert vocabulary.tokens[5 : 5 + len(characters)] == tuple(characters)
    assert all(len(text_of(token)) > 1 for token in vocabulary.tokens[5 + len(characters) :])


def test_frequent_words_become_tokens(vocabulary):
    text = "the low playing resume keras"
    assert Tokenizer(vocabulary).tokens_of(text) == text.split()


def test_size_is_kept_and_filled(vocabulary):
    texts = [f"{a}{b}{c}" for a in "abcdef" for b in "abcdef" for c in "abcdef"] * 2
    for size in (20, 60, 100):
        assert len(learn_vocabulary(texts, size=size)) == size
    # These texts hold not as many pieces as were asked for.
    assert len(vocabulary) < 200
    assert len(set(vocabulary.tokens)) == len(vocabulary)


@given(
    st.lists(st.text("abcdeé中文 .", max_size=12), min_size=1),
    st.integers(0, 12),
    st.integers(1, 3),
)
@settings(max_examples=50, deadline=None)
def test_size_is_never_exceeded(texts, room, min_frequency):
    """Words with rare characters are not learned from, though their other characters are kept."""
    options = {"min_frequency": min_frequency, "cjk_min_count": min_frequency}
    assume("".join(texts).strip())
    characters = learn_vocabulary(texts, size=1000, **options).tokens
    needed = sum(len(text_of(token)) == 1 for token in characters) + len(SPECIAL_TOKENS)
    vocabulary = learn_vocabulary(texts, size=needed + room, **options)
    assert vocabulary.tokens == characters[: needed + room]


def test_nothing_of_the_texts_is_unknown_but_rare_characters(vocabulary):
    tokenizer = Tokenizer(vocabulary)
    for text in set(TEXTS[:-2]):
        assert "[UNK]" not in tokenizer.tokens_of(text)
    assert tokenizer.tokens_of("龘 ж low") == ["[UNK]", "[UNK]", "low"]


def test_every_ideograph_at_the_count_is_kept_and_none_below():
    texts = [chr(0x4E00 + index) * (index % 10) for index in range(500)]
    vocabulary = learn_vocabulary(texts, size=2000, min_frequency=1, cjk_min_count=7)
    kept = {token for token in vocabulary.tokens if len(token) == 1}
    assert kept == {chr(0x4E00 + index) for index in range(500) if index % 10 >= 7}
    assert all("\u4e00" not in token[1:] for token in vocabulary.tokens)


def test_case_and_accents_as_the_tokenizer_has_them():
    texts = ["RÉSUMÉ"] * 9
    tokens = {
        (lowercase, strip): learn_vocabulary(
            texts, size=100, lowercase=lowercase, strip_accents=strip
        ).tokens[-1]
        for lowercase, strip in [(True, None), (True, False), (False, None), (False, True)]
    }
    assert tokens == {
        (True, None): "resume",
        (True, False): "résumé",
        (False, None): "RÉSUMÉ",
        (False, True): "RESUME",
    }


def test_order_of_the_texts_does_not_matter():
    """Many words of equal counts leave many ties to break."""
    generator = random.Random(0)
    texts = ["".join(generator.choices("abcdefghij", k=5)) for _ in range(2000)]
    shuffled = generator.sample(texts, len(texts))
    options = {"size": 500, "min_frequency": 1}
    assert learn_vocabulary(texts, **options) == learn_vocabulary(shuffled, **options)


def test_progress_goes_to_stderr(capsys):
    learn_vocabulary(TEXTS, size=200, show_progress=True)
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "reading: 100%" in captured.err
    assert "learning: 100%" in captured.err
    learn_vocabulary(TEXTS, size=200)
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("texts", [[], ["", " \u3000", "\ufffd\0"]])
def test_no_words(texts):
    with pytest.raises(UserError, match="no text to learn"):
        learn_vocabulary(texts, size=100)


def test_size_without_room_for_the_characters_says_what_is_needed():
    texts = ["abc", "abc"]  # a, ##b, ##c
    with pytest.raises(UserError, match=r"the 3 characters .* Raise size above 8"):
        learn_vocabulary(texts, size=7)
    assert learn_vocabulary(texts, size=8).tokens[5:] == ("##b", "##c", "a")

import collections
import random

import pytest
import reference_tokenizer
from hypothesis import given, settings
from hypothesis import strategies as st
from tricky_texts import TRICKY_TEXTS
from unicode_texts import needs_python_of_the_tables, texts

from keras_bert_cls.text.word_counts import WordCounts


def reference_counts(texts, lowercase):
    return collections.Counter(
        word
        for text in texts
        for word in reference_tokenizer.words_of(text, lowercase, lowercase)
        if len(word) <= reference_tokenizer.MAX_CHARACTERS
    )


def counts_of(texts, lowercase=True, **options):
    counts = WordCounts(lowercase, **options)
    counts.add(texts)
    return counts


@pytest.mark.parametrize("lowercase", [True, False])
def test_words_are_those_of_the_tokenizer(lowercase):
    texts = [text for text in TRICKY_TEXTS.values() if isinstance(text, str)]
    assert counts_of(texts, lowercase).words == reference_counts(texts, lowercase)


@needs_python_of_the_tables
@given(batch=st.lists(texts, max_size=16), lowercase=st.booleans())
@settings(max_examples=30, deadline=None)
def test_words_of_random_texts_are_those_of_the_tokenizer(batch, lowercase):
    assert counts_of(batch, lowercase).words == reference_counts(batch, lowercase)


def test_texts_are_taken_as_they_come_and_counts_add_up():
    counts = WordCounts(lowercase=True)
    counts.add(f"row {number % 3}" for number in range(5000))
    counts.add(["Row\n 0"])
    assert counts.words == {"row": 5001, "0": 1668, "1": 1667, "2": 1666}


def test_half_characters_of_json_are_left_out():
    assert counts_of(["a\ud83d b"]).words == {"a": 1, "b": 1}


def test_characters_start_and_continue_words():
    assert counts_of(["aba ab 中a"]).characters() == {
        "a": 3,
        "##b": 2,
        "##a": 1,
        "中": 1,
    }


def test_rare_words_are_forgotten_but_their_characters_stay_counted():
    generator = random.Random(0)
    frequent = ["the", "中", "of", "，"]
    rare = ["".join(generator.choices("abcdefgh", k=6)) for _ in range(30_000)]
    texts = [f"{word} {' '.join(frequent)}" for word in rare]
    limited = counts_of(texts, max_words=1000)
    unlimited = counts_of(texts)
    assert len(unlimited.words) > 20_000
    assert len(limited.words) <= 1000
    assert {word: limited.words[word] for word in frequent} == dict.fromkeys(frequent, 30_000)
    assert limited.characters() == unlimited.characters()

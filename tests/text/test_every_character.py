"""Every character of Unicode between letters: mapping, splitting, and the context of `Σ`."""

import sys
import unicodedata

import pytest
import reference_tokenizer
from unicode_texts import NEW_PUNCTUATION, is_reordered, needs_python_of_the_tables

from keras_bert_cls.text.tokenizer import Tokenizer
from keras_bert_cls.text.vocabulary import SPECIAL_TOKENS, Vocabulary

pytestmark = needs_python_of_the_tables

BATCH = 50_000

# Many characters, treated alike by whole ranges: a sample of them does outside of the slow tests.
_UNIFORM = (
    "CJK",
    "HANGUL SYLLABLE",
    "TANGUT",
    "NUSHU",
    "KHITAN",
    "EGYPTIAN",
    "CUNEIFORM",
    "ANATOLIAN",
)


def _characters(sample_every: int) -> list[str]:
    chosen = []
    for code_point in range(sys.maxunicode + 1):
        character = chr(code_point)
        category = unicodedata.category(character)
        uniform = category in ("Cn", "Co") or unicodedata.name(character, "").startswith(_UNIFORM)
        if category != "Cs" and (not uniform or code_point % sample_every == 0):
            chosen.append(character)
    return chosen


def _tokenizer_that_shows_all(characters: list[str], lowercase: bool) -> Tokenizer:
    seen = set("abαβσς")
    for character in characters:
        seen.update("".join(reference_tokenizer.words_of(character, lowercase, lowercase)))
    letters = sorted(seen)
    tokens = (*SPECIAL_TOKENS, *letters, *(f"##{letter}" for letter in letters))
    return Tokenizer(Vocabulary(tokens), lowercase)


def _wrong(tokenizer: Tokenizer, characters: list[str], template: str) -> set[str]:
    """Returns the characters whose tokens in the template are not the reference's."""
    lowercase, vocabulary = tokenizer.lowercase, tokenizer.vocabulary
    wrong = set()
    for start in range(0, len(characters), BATCH):
        batch = characters[start : start + BATCH]
        texts = [template.format(character) for character in batch]
        rows = tokenizer.tokenize(texts).to_list()
        for character, text, row in zip(batch, texts, rows, strict=True):
            tokens = reference_tokenizer.tokens_of(text, vocabulary, lowercase, lowercase)
            if [vocabulary.tokens[i] for i in row] != tokens:
                wrong.add(character)
    return wrong


every_or_sampled = pytest.mark.parametrize(
    "sample_every", [101, pytest.param(1, marks=pytest.mark.slow)]
)


@pytest.mark.parametrize("lowercase", [True, False], ids=["uncased", "cased"])
@every_or_sampled
def test_every_character_gives_the_reference_tokens(lowercase, sample_every):
    characters = _characters(sample_every)
    tokenizer = _tokenizer_that_shows_all(characters, lowercase)
    assert _wrong(tokenizer, characters, "{}") == set()
    # The first exception that the tokenizer's docstring states, exactly.
    assert _wrong(tokenizer, characters, "a{}b") == NEW_PUNCTUATION & set(characters)


@every_or_sampled
def test_every_character_beside_sigma(sample_every):
    characters = _characters(sample_every)
    tokenizer = _tokenizer_that_shows_all(characters, lowercase=True)
    templates = ["αΣ{}", "{}Σ", "α{}Σ", "αΣ{}β"]
    wrong = set().union(*(_wrong(tokenizer, characters, template) for template in templates))
    # Its second half: what Unicode 14 has not assigned may be a letter or a mark.
    assert {unicodedata.category(character) for character in wrong} <= {"Cn"}


def test_spacing_marks_out_of_canonical_order_stay_so():
    """The second exception that the tokenizer's docstring states."""
    marks = "\u302e\u1baa"  # combining classes 224 and 9
    assert all(map(is_reordered, marks))
    tokenizer = _tokenizer_that_shows_all([*marks], lowercase=True)
    assert tokenizer.tokens_of(f"a{marks}") == ["a", "##\u302e", "##\u1baa"]
    assert reference_tokenizer.tokens_of(f"a{marks}", tokenizer.vocabulary, True, True) == [
        "a",
        "##\u1baa",
        "##\u302e",
    ]

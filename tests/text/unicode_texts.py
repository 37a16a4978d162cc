"""Random texts, and what the tokenizer's docstring excepts."""

import unicodedata

import pytest
from example_vocabulary import example_vocabulary
from hypothesis import strategies as st

from keras_bert_cls.text.normalizer import UNICODE_VERSION

# Punctuation of Unicode 15 and 16, unassigned in 14.
NEW_PUNCTUATION = frozenset(
    map(
        chr,
        [
            *(0x1B4E, 0x1B4F, 0x1B7F, 0x10D6E, 0x113D4, 0x113D5, 0x113D7, 0x113D8),
            *range(0x11B00, 0x11B0A),
            *(0x11BE1, *range(0x11F43, 0x11F50)),
            *(0x16D6D, 0x16D6E, 0x16D6F, 0x1E5FF),
        ],
    )
)

needs_python_of_the_tables = pytest.mark.skipif(
    unicodedata.unidata_version != UNICODE_VERSION,
    reason="the reference follows this Python's Unicode, the tables Python 3.11's",
)


def is_reordered(character: str) -> bool:
    """Whether NFD may move a character that is kept when accents are dropped."""
    return unicodedata.category(character) != "Mn" and unicodedata.combining(character) != 0


def _is_excepted(character: str) -> bool:
    return character in NEW_PUNCTUATION or is_reordered(character)


_familiar = sorted({c for token in example_vocabulary().tokens for c in token})
_seams = " \t\n\0\u00a0\u00ad\u200b\u200d\u2028\u3000\ufe0f\ufffd\ue000.'-,。，"
characters = st.one_of(
    st.sampled_from(_familiar),
    st.sampled_from(_seams),
    st.sampled_from("ΣσςΑαΆ.'\u0301\u00adͅʰ1中"),
    st.characters(exclude_categories=["Cs", "Cn"]),
).filter(lambda character: not _is_excepted(character))

_long_words = st.builds(str.__mul__, characters, st.integers(190, 210))
texts = st.lists(st.one_of(st.text(characters, max_size=20), _long_words), max_size=4).map("".join)

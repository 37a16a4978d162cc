"""What BERT's tokenizer makes of each character before it splits words.

Follows BasicTokenizer of https://github.com/google-research/bert/blob/master/tokenization.py:
control characters, U+0000 and U+FFFD are deleted, white space becomes a space; then, in uncased
models, text is put in lower case, decomposed (NFD), and loses its non-spacing marks (Mn).
Private-use and unassigned characters are kept.

Two things differ in form, not in the ids that come out: `Σ` stays for `final_sigma`, since its
lower case depends on its neighbours, and young punctuation gets blanks around it (`_set_apart`).
"""

import unicodedata

CAPITAL_SIGMA = "Σ"

_DELETED = "\0\ufffd"
_WHITE_CONTROLS = "\t\n\r"
CHINESE_RANGES = (
    (0x3400, 0x4DBF),
    (0x4E00, 0x9FFF),
    (0xF900, 0xFAFF),
    (0x20000, 0x2A6DF),
    (0x2A700, 0x2B73F),
    (0x2B740, 0x2B81F),
    (0x2B820, 0x2CEAF),
    (0x2F800, 0x2FA1F),
)


def normalized_character(character: str, lowercase: bool, strip_accents: bool) -> str:
    """Returns what a character is replaced by: itself, "", " " or other characters."""
    if character in _DELETED:
        return ""
    category = unicodedata.category(character)
    if character in _WHITE_CONTROLS or category in ("Zs", "Zl", "Zp"):
        return " "
    if category in ("Cc", "Cf"):
        return ""
    if lowercase and character != CAPITAL_SIGMA:
        character = character.lower()
    if strip_accents:
        decomposed = unicodedata.normalize("NFD", character)
        character = "".join(c for c in decomposed if unicodedata.category(c) != "Mn")
    return "".join(map(_set_apart, character))


def is_chinese(character: str) -> bool:
    """Whether a character is an ideograph of the ranges that BERT makes words of their own."""
    return any(first <= ord(character) <= last for first, last in CHINESE_RANGES)


def is_punctuation(character: str) -> bool:
    """Whether BERT makes a character a word of its own as punctuation, ASCII symbols included."""
    if character.isascii():
        return character.isprintable() and not (character.isalnum() or character == " ")
    return unicodedata.category(character).startswith("P")


def _set_apart(character: str) -> str:
    """Puts blanks around punctuation that the tokenizer's own Unicode data may not know.

    TensorFlow Serving r2.16 to r2.19 have ICU 69 with Unicode 13. Python tells the age of a
    character for Unicode 3.2 only, so all that is younger is treated so. Not `︓` of Unicode 4.1:
    in lower-casing it counts as the inside of a word, which a blank would end.
    """
    known = character.isascii() or unicodedata.ucd_3_2_0.category(character).startswith("P")
    if known or character == "︓" or not is_punctuation(character):
        return character
    return f" {character} "

"""What BERT's tokenizer makes of each character before it splits words.

Follows BasicTokenizer of https://github.com/google-research/bert/blob/master/tokenization.py:
control characters, U+0000 and U+FFFD are deleted, white space becomes a space; then, in uncased
models, the text is put in lower case, decomposed (NFD), and non-spacing marks (Mn) are dropped.
Private-use and unassigned characters are kept.
"""

import unicodedata

# Deleted or turned into a space before anything else looks at them.
_DELETED = "\0\ufffd"
_KEPT_CONTROLS = "\t\n\r"


def normalized_character(character: str, lowercase: bool, strip_accents: bool) -> str:
    """Returns what the tokenizer replaces a character by: itself, "", " " or other characters."""
    if character in _DELETED:
        return ""
    category = unicodedata.category(character)
    if character in _KEPT_CONTROLS or category in ("Zs", "Zl", "Zp"):
        return " "
    if category in ("Cc", "Cf"):
        return ""
    if lowercase:
        character = character.lower()
    if strip_accents:
        decomposed = unicodedata.normalize("NFD", character)
        character = "".join(c for c in decomposed if unicodedata.category(c) != "Mn")
    return character


def is_chinese(character: str) -> bool:
    """Whether a character is a word of its own as one of the CJK ideographs that BERT lists."""
    code_point = ord(character)
    return any(first <= code_point <= last for first, last in CHINESE_RANGES)


CHINESE_RANGES = (
    (0x4E00, 0x9FFF),
    (0x3400, 0x4DBF),
    (0x20000, 0x2A6DF),
    (0x2A700, 0x2B73F),
    (0x2B740, 0x2B81F),
    (0x2B820, 0x2CEAF),
    (0xF900, 0xFAFF),
    (0x2F800, 0x2FA1F),
)


def is_punctuation(character: str) -> bool:
    """Whether a character is a word of its own as punctuation: ASCII symbols and category P."""
    if character.isascii():
        return character.isprintable() and not (character.isalnum() or character == " ")
    return unicodedata.category(character).startswith("P")

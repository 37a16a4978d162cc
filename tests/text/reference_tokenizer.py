"""BERT's tokenizer in plain Python, slow and obvious: what the graph is compared with.

Written from the description in Devlin et al. 2018 and the rules of google-research/bert:
clean the text, set ideographs apart, split at white space, normalise words, split at punctuation,
then take the longest piece of the vocabulary that fits, from left to right.
"""

import unicodedata

MAX_CHARACTERS = 200

IDEOGRAPHS = [
    range(0x3400, 0x4DC0),
    range(0x4E00, 0xA000),
    range(0xF900, 0xFB00),
    range(0x20000, 0x2A6E0),
    range(0x2A700, 0x2B740),
    range(0x2B740, 0x2B820),
    range(0x2B820, 0x2CEB0),
    range(0x2F800, 0x2FA20),
]


def tokens_of(text: str | bytes, vocabulary, lowercase: bool, strip_accents: bool) -> list[str]:
    if isinstance(text, bytes):
        text = text.decode("utf-8", "ignore")
    return [
        token
        for word in words_of(text, lowercase, strip_accents)
        for token in pieces_of(word, vocabulary)
    ]


def words_of(text: str, lowercase: bool, strip_accents: bool) -> list[str]:
    words = []
    for word in "".join(map(_clean, text)).split():
        if lowercase:
            word = word.lower()
        if strip_accents:
            word = "".join(c for c in unicodedata.normalize("NFD", word) if not _is_mark(c))
        spaced = "".join(f" {c} " if _is_punctuation(c) else c for c in word)
        words.extend(spaced.split())
    return words


def pieces_of(word: str, vocabulary) -> list[str]:
    if len(word) > MAX_CHARACTERS:
        return ["[UNK]"]
    pieces: list[str] = []
    start = 0
    while start < len(word):
        prefix = "##" if start else ""
        ends = range(len(word), start, -1)
        end = next((end for end in ends if prefix + word[start:end] in vocabulary), None)
        if end is None:
            return ["[UNK]"]
        pieces.append(prefix + word[start:end])
        start = end
    return pieces


def _clean(character: str) -> str:
    category = unicodedata.category(character)
    if ord(character) in (0, 0xFFFD):
        return ""
    if character in " \t\n\r" or category == "Zs":
        return " "
    if category in ("Cc", "Cf"):
        return ""
    if any(ord(character) in block for block in IDEOGRAPHS):
        return f" {character} "
    return character


def _is_mark(character: str) -> bool:
    return unicodedata.category(character) == "Mn"


def _is_punctuation(character: str) -> bool:
    ascii_symbol = character in "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"
    return ascii_symbol or unicodedata.category(character).startswith("P")

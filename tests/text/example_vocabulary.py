"""A vocabulary in which most characters are tokens, so that mistakes show as other ids."""

import functools

from keras_bert_cls.text.vocabulary import Vocabulary

_BLOCKS = (
    range(0x21, 0x7F),  # ASCII
    range(0xA1, 0x250),  # Latin
    range(0x300, 0x530),  # combining marks, Greek, Cyrillic
    range(0x5D0, 0x5EB),  # Hebrew
    range(0x620, 0x660),  # Arabic
    range(0x900, 0x980),  # Devanagari
    range(0xE01, 0xE5C),  # Thai
    range(0x1100, 0x1200),  # Hangul letters
    range(0x1F00, 0x2000),  # Greek with accents
    range(0x2010, 0x2065),
    range(0x2100, 0x2200),
    range(0x2460, 0x2500),
    range(0x3001, 0x3100),  # Chinese punctuation, kana
    range(0xFF01, 0xFFEF),  # full width
    range(0xE000, 0xE002),  # private use
    range(0x1F600, 0x1F650),  # emoji
)
_IDEOGRAPHS = "今天气很好我们去爬山吧真的吗书全角用跑模型中文好吃例え豈更車丽㐀䶿一鿿𠀀𫠠𰀀"
_WORDS = """
un ##aff ##able play ##ing ##able resume ##sum strasse stra ##ss aa aaa ##aa ##aaaa he ##llo
οδυσσευς ##ευς ##σς σσ ##ης ##ησ bert ##-base [sep] [unused2] ##中 中文 ##文 好吃 ## 한 ab ##ab
"""


@functools.cache
def example_vocabulary() -> Vocabulary:
    """Returns a vocabulary whose special tokens do not stand where BERT has them."""
    characters = [chr(c) for block in _BLOCKS for c in block] + list(_IDEOGRAPHS)
    tokens = ["[unused1]", "[UNK]", "[PAD]", *_WORDS.split(), "\u2028", "##\u2028", "[MASK]"]
    tokens += [*characters, *(f"##{c}" for c in characters), "[SEP]", "[CLS]"]
    return Vocabulary(tuple(dict.fromkeys(tokens)))

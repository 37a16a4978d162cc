"""Which language a text is in, as far as its script tells."""

import re

LANGUAGES = ("zh", "ja", "ko", "latin", "cyrillic", "arabic", "other", "none")
"""What `language_of` answers: English, French and all others in Latin letters are "latin"."""

_ASCII_LETTER = re.compile(r"[A-Za-z]")
_HAN = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U000323af]")
_KANA = re.compile(r"[\u3041-\u3096\u30a1-\u30fa\u31f0-\u31ff\uff66-\uff9d]")
_HANGUL = re.compile(r"[\uac00-\ud7a3\u1100-\u11ff\u3131-\u318e]")
_LATIN_WORD = re.compile(r"[A-Za-z\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u024f\u1e00-\u1eff]+")
_CYRILLIC_WORD = re.compile(r"[\u0400-\u052f]+")
_ARABIC_WORD = re.compile(r"[\u0620-\u064a\u066e-\u06d3\u0750-\u077f]+")
_KANA_SHARE = 0.1  # of Han and kana: Japanese text has far more, Chinese hardly any


def language_of(text: str) -> str:
    """Returns the language that most of a text is in, one of LANGUAGES.

    A word in letters counts as much as a Chinese character. "none" has no letters at all, "other"
    letters of another script.
    """
    if text.isascii():
        return "latin" if _ASCII_LETTER.search(text) else "none"
    han, kana, hangul = (len(script.findall(text)) for script in (_HAN, _KANA, _HANGUL))
    east_asian = "ja" if kana > _KANA_SHARE * (han + kana) else "zh"
    weights = {
        east_asian: han + kana,
        "ko": hangul,
        "latin": len(_LATIN_WORD.findall(text)),
        "cyrillic": len(_CYRILLIC_WORD.findall(text)),
        "arabic": len(_ARABIC_WORD.findall(text)),
    }
    best = max(weights, key=lambda language: weights[language])
    if weights[best]:
        return best
    return "other" if any(map(str.isalpha, text)) else "none"

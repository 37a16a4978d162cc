"""ROUGE-N and ROUGE-L (Lin 2004, https://aclanthology.org/W04-1013/), F1 over words.

A Chinese character is a word, and so is what stands between blanks or punctuation elsewhere. Case
makes no difference, there is no stemming, and a text with nothing to compare scores 0.
"""

import collections
import re
from collections.abc import Iterable, Sequence

import numpy as np

from keras_bert_cls.text.character_mapping import CHINESE_RANGES

_CHINESE = "".join(f"{chr(first)}-{chr(last)}" for first, last in CHINESE_RANGES)
_WORD = re.compile(rf"[{_CHINESE}]|[^\W_{_CHINESE}]+")

METRICS = ("rouge_1", "rouge_2", "rouge_l")


def rouge_words(text: str) -> list[str]:
    """Returns the words that are compared."""
    return _WORD.findall(text.lower())


def rouge_scores(candidate: str, reference: str) -> dict[str, float]:
    """Returns rouge_1, rouge_2 and rouge_l of a text, in [0, 1].

    Args:
      candidate: what was written.
      reference: what should have been.
    """
    found, wanted = rouge_words(candidate), rouge_words(reference)
    scores = {f"rouge_{size}": _overlap(found, wanted, size) for size in (1, 2)}
    return {**scores, "rouge_l": _f1(_common_length(found, wanted), len(found), len(wanted))}


def mean_rouge(pairs: Iterable[tuple[str, str]]) -> dict[str, float]:
    """Returns the means of `rouge_scores` over (candidate, reference) pairs; 0 of no pairs."""
    rows = [rouge_scores(*pair) for pair in pairs]
    return {name: float(np.mean([row[name] for row in rows])) if rows else 0.0 for name in METRICS}


def _overlap(found: Sequence[str], wanted: Sequence[str], size: int) -> float:
    counts = [
        collections.Counter(zip(*(words[start:] for start in range(size)), strict=False))
        for words in (found, wanted)
    ]
    common = (counts[0] & counts[1]).total()
    return _f1(common, counts[0].total(), counts[1].total())


def _f1(common: int, found: int, wanted: int) -> float:
    return 2 * common / (found + wanted) if found and wanted else 0.0


def _common_length(one: Sequence[str], other: Sequence[str]) -> int:
    """Returns the length of the longest common subsequence."""
    row = [0] * (len(other) + 1)
    for word in one:
        before = 0
        for place, candidate in enumerate(other, start=1):
            above = row[place]
            row[place] = before + 1 if word == candidate else max(above, row[place - 1])
            before = above
    return row[-1]

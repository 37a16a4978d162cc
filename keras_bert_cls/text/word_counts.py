"""How often words and characters occur in a stream of texts, in bounded memory."""

import collections
import functools
import itertools
import re
import sys
from collections.abc import Iterable, Iterator

import tensorflow as tf

from keras_bert_cls.text.character_mapping import CHINESE_RANGES, is_punctuation
from keras_bert_cls.text.text_normalizer import TextNormalizer
from keras_bert_cls.text.vocabulary import SUFFIX_INDICATOR
from keras_bert_cls.text.word_length import MAX_CHARACTERS

MAX_WORDS = 2_000_000  # about 300 MB
_BATCH = 1024


class WordCounts:
    """Counts the words that the tokenizer would split texts into, before it looks for pieces.

    When there are more than `max_words` different words, the rarest are forgotten; their characters
    stay counted. Words too long for the tokenizer are not counted at all.

    Attributes:
      words: word -> occurrences. Ideographs and punctuation are words of one character.
    """

    def __init__(
        self, lowercase: bool, strip_accents: bool | None = None, max_words: int = MAX_WORDS
    ):
        self.words: collections.Counter[str] = collections.Counter()
        self._normalizer = TextNormalizer(lowercase, strip_accents)
        self._max_words = max_words
        self._forgotten: collections.Counter[str] = collections.Counter()

    def add(self, texts: Iterable[str]) -> None:
        """Counts the words of texts."""
        for batch in _batched(texts, _BATCH):
            encoded = [text.encode("utf-8", "ignore") for text in batch]
            normalized = self._normalizer.normalize(tf.constant(encoded)).numpy()
            words = _word_pattern().findall(b" ".join(normalized).decode())
            if max(map(len, words), default=0) > MAX_CHARACTERS:
                words = [word for word in words if len(word) <= MAX_CHARACTERS]
            self.words.update(words)
            if len(self.words) > self._max_words:
                self._forget_rare_words()

    def characters(self) -> collections.Counter[str]:
        """Returns how often characters start words ("a") and continue them ("##a")."""
        characters = self._forgotten.copy()
        _add_characters(characters, self.words.items())
        return characters

    def _forget_rare_words(self) -> None:
        """Forgets the words of the lowest counts until at most half of the room is taken.

        Not fewer, lest it be called for every batch. A count is forgotten as a whole: what is left
        does not depend on the order in which equally rare words came.
        """
        words_of_count = collections.Counter(self.words.values())
        left = len(self.words)
        threshold = 0
        while left > self._max_words // 2:
            threshold += 1
            left -= words_of_count[threshold]
        rare = [(word, count) for word, count in self.words.items() if count <= threshold]
        _add_characters(self._forgotten, rare)
        for word, _ in rare:
            del self.words[word]


def _add_characters(characters: collections.Counter[str], words: Iterable[tuple[str, int]]) -> None:
    for word, count in words:
        characters[word[0]] += count
        for character in word[1:]:
            characters[SUFFIX_INDICATOR + character] += count


@functools.cache
def _word_pattern() -> re.Pattern[str]:
    """Matches one ideograph, one punctuation character, or what lies between them and blanks."""
    ideographs = "".join(f"{chr(first)}-{chr(last)}" for first, last in CHINESE_RANGES)
    punctuation = "".join(filter(is_punctuation, map(chr, range(sys.maxunicode + 1))))
    alone = re.escape(punctuation) + ideographs
    return re.compile(f"[{alone}]|[^ {alone}]+")


def _batched(texts: Iterable[str], size: int) -> Iterator[list[str]]:
    iterator = iter(texts)
    while batch := list(itertools.islice(iterator, size)):
        yield batch

"""Text that is made up, where its size matters and not what it says."""

import itertools
from collections.abc import Iterator

import numpy as np

_SENTENCES_A_DOCUMENT = 20
_SENTENCES_AT_ONCE = 1000


def generated_sentences(seed: int = 0) -> Iterator[str]:
    """Yields sentences without end: 5 to 29 words, drawn by Zipf's law."""
    generator = np.random.default_rng(seed)
    letters = np.array(list("abcdefghijklmnopqrstuvwxyz"))
    words = ["".join(generator.choice(letters, generator.integers(2, 10))) for _ in range(20_000)]
    shares = 1 / np.arange(10, len(words) + 10)
    shares /= shares.sum()
    while True:
        lengths = generator.integers(5, 30, _SENTENCES_AT_ONCE)
        drawn = iter(generator.choice(words, lengths.sum(), p=shares).tolist())
        for length in lengths:
            yield " ".join(itertools.islice(drawn, length))


def generated_lines(seed: int = 0) -> Iterator[str]:
    """Yields sentences, and a blank line after each document of 20."""
    sentences = generated_sentences(seed)
    while True:
        yield from itertools.islice(sentences, _SENTENCES_A_DOCUMENT)
        yield ""

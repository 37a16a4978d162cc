"""Answers out of what the signatures of a masked language model give for one text."""

import itertools
from collections.abc import Sequence

from keras_bert_cls.masked_lm.answers import Candidate, FilledText, InfilledText
from keras_bert_cls.text.vocabulary import MASK, SPECIAL_TOKENS, is_suffix, text_of


def filled_text(
    sequence: bytes,
    names: Sequence[Sequence[bytes]],
    scores: Sequence[Sequence[float]],
    tokens: Sequence[bytes],
    *,
    top_k: int,
) -> FilledText:
    """Returns the answer in a row of `fill_mask`.

    Args:
      sequence, names, scores: its outputs `sequence`, `tokens` and `scores`.
      tokens: the text's own, from the signature `tokenize`.
      top_k: candidates for each mask at most.
    """
    before = [_decoded(token) for token in tokens]
    places = [place for place, token in enumerate(before) if token == MASK]
    return FilledText(
        _decoded(sequence),
        tuple(
            tuple(
                _candidate(before[:place], _decoded(name), score)
                for name, score in itertools.islice(zip(*mask, strict=True), top_k)
            )
            for place, *mask in zip(places, names, scores, strict=False)
        ),
    )


def infilled_text(
    sequence: bytes, tokens: Sequence[bytes], scores: Sequence[float]
) -> InfilledText:
    """Returns the answer in a row of `infill`."""
    kept = [(token, score) for token, score in zip(tokens, scores, strict=True) if token]
    return InfilledText(
        _decoded(sequence),
        tuple(_decoded(token) for token, _ in kept),
        tuple(score for _, score in kept),
    )


def _candidate(before: list[str], token: str, probability: float) -> Candidate:
    """Makes a candidate for the place after the tokens `before`."""
    word = text_of(token)
    for part in reversed(before if is_suffix(token) else []):
        if part in SPECIAL_TOKENS:
            break
        word = text_of(part) + word
        if not is_suffix(part):
            break
    return Candidate(token, probability, word)


def _decoded(text: bytes) -> str:
    return text.decode("utf-8", "replace")

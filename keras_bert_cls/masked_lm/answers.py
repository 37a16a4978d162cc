"""What a masked language model says about texts."""

import dataclasses
import math
from collections.abc import Iterable


@dataclasses.dataclass(frozen=True)
class Candidate:
    """What may stand in the place of a [MASK].

    Attributes:
      token: the token, such as "##ing".
      probability: that the model gives to it.
      word: the word that it makes with the tokens before it, such as "playing".
    """

    token: str
    probability: float
    word: str


@dataclasses.dataclass(frozen=True)
class FilledText:
    """A text and the candidates for its [MASK]s.

    Attributes:
      text: with each [MASK] replaced by its likeliest token. One that is cut off, because the text
        exceeds the model's length, stays.
      masks: for each [MASK] that is not cut off the candidates, the likeliest first.
    """

    text: str
    masks: tuple[tuple[Candidate, ...], ...]


@dataclasses.dataclass(frozen=True)
class InfilledText:
    """A text whose [MASK]s were filled together.

    Attributes:
      text: the text with words for its [MASK]s. One that is cut off, because the text exceeds the
        model's length, stays.
      tokens: what each [MASK] that is not cut off became.
      probabilities: that the model gave to them, each in the last pass that predicted it.
    """

    text: str
    tokens: tuple[str, ...]
    probabilities: tuple[float, ...]


@dataclasses.dataclass(frozen=True)
class TextScore:
    """How likely a model finds a text.

    Attributes:
      log_likelihood: the sum of the logarithms of its tokens' probabilities.
      num_tokens: how many tokens that is; what exceeds the model's length is left out.
    """

    log_likelihood: float
    num_tokens: int

    @property
    def perplexity(self) -> float:
        """Per token; 1 for a text of none."""
        return corpus_perplexity([self])


def corpus_perplexity(scores: Iterable[TextScore]) -> float:
    """Returns the pseudo-perplexity per token of many texts (Salazar et al. 2020); 1 for none."""
    scores = list(scores)
    tokens = sum(score.num_tokens for score in scores)
    return math.exp(-math.fsum(score.log_likelihood for score in scores) / max(tokens, 1))

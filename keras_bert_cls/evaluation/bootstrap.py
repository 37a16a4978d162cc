"""Confidence intervals of scores: the percentile bootstrap (Efron 1979), Wilson's for shares."""

import dataclasses
from collections.abc import Iterable, Iterator

import numpy as np

from keras_bert_cls.proportions import LEVEL, wilson_interval

_DRAWS_AT_ONCE = 100
_TAIL = (1 - LEVEL) / 2

Estimate = dict[str, float]


@dataclasses.dataclass(frozen=True)
class Bootstrap:
    """How rows are drawn anew, with replacement.

    Attributes:
      samples: how many times as many rows as there are get drawn.
      seed: of the draws; every score of a report starts from it.
    """

    samples: int = 1000
    seed: int = 0

    def counts(self, sizes: np.ndarray) -> Iterator[np.ndarray]:
        """Draws rows of which only the group matters.

        A row's group, in a draw of rows with replacement, has the multinomial distribution: so the
        time grows with the groups (for label ids, the cells of the confusion matrix that are not
        empty), not with the rows.

        Args:
          sizes: rows of each group, int [groups].

        Yields:
          How many rows of each group were drawn, int64 [samples at once, groups].
        """
        random = np.random.default_rng(self.seed)
        rows = int(sizes.sum())
        for count in self._parts():
            yield random.multinomial(rows, sizes / rows, size=count)

    def rows(self, rows: int) -> Iterator[np.ndarray]:
        """Yields the indices of the rows that were drawn, int64 [samples at once, rows]."""
        random = np.random.default_rng(self.seed)
        for count in self._parts():
            yield random.integers(rows, size=(count, rows))

    def _parts(self) -> Iterator[int]:
        for start in range(0, self.samples, _DRAWS_AT_ONCE):
            yield min(_DRAWS_AT_ONCE, self.samples - start)


def estimate(value: float, draws: np.ndarray) -> Estimate:
    """Returns a score with its interval: the quantiles of the score in the draws, float [draws]."""
    low, high = np.quantile(draws, (_TAIL, 1 - _TAIL))
    return {"value": float(value), "low": float(low), "high": float(high)}


def estimates(values: dict[str, float], draws: Iterable[dict[str, np.ndarray]]) -> dict:
    """Returns `estimate` for each score; `draws` are parts of the draws of all of them."""
    parts = list(draws)
    return {
        name: estimate(value, np.concatenate([part[name] for part in parts]))
        for name, value in values.items()
    }


def proportion(hits: float, rows: float) -> Estimate:
    """Returns a share of rows with its `wilson_interval`, 0 of 0 being 0."""
    low, high = wilson_interval(hits, rows)
    return {"value": float(hits / rows) if rows else 0.0, "low": float(low), "high": float(high)}

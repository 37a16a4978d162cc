"""Rows drawn by group: how many of each group an epoch has is planned, not left to chance."""

import dataclasses
import itertools

import numpy as np

from keras_bert_cls.data.shuffle import shuffled_rows

_STREAM = 1  # tells these orders from those of epochs


@dataclasses.dataclass(frozen=True)
class GroupSampling:
    """Which row each slot of an epoch stands for.

    Every epoch has `counts` rows of each group. A group's rows come in a random order, over and
    over, each time in another one; an epoch goes on in it where the last one stopped. So no row is
    drawn more than once oftener than another of its group.

    Attributes:
      rows: by group, int64.
      counts: slots of each group in an epoch, int64 [groups].
      seed: of the orders.
    """

    rows: list[np.ndarray]
    counts: np.ndarray
    seed: int

    @classmethod
    def of(cls, groups: np.ndarray, shares: np.ndarray, seed: int) -> "GroupSampling":
        """Plans epochs of as many rows as there are in groups.

        Args:
          groups: of each row, int [rows]; rows of group -1 are never drawn.
          shares: of an epoch, float [groups]; over 0.
          seed: of the orders.
        """
        order = np.argsort(groups, kind="stable")
        edges = np.searchsorted(groups[order], np.arange(len(shares) + 1))
        rows = [order[start:end] for start, end in itertools.pairwise(edges)]
        sizes = np.diff(edges)
        return cls(rows, _rounded(np.where(sizes > 0, shares, 0.0), int(sizes.sum())), seed)

    @property
    def epoch_rows(self) -> int:
        """Rows of an epoch."""
        return int(self.counts.sum())

    def rows_at(self, slots: np.ndarray, epoch: int) -> np.ndarray:
        """Returns the rows that stand at slots of an epoch.

        Args:
          slots: int in [0, epoch_rows), any order.
          epoch: from 0.

        Returns:
          int64, shaped as `slots`.
        """
        ends = np.cumsum(self.counts)
        groups = np.searchsorted(ends, slots, side="right")
        sizes = np.array([len(rows) for rows in self.rows])
        turns = epoch * self.counts[groups] + slots - (ends - self.counts)[groups]
        passes, places = np.divmod(turns, sizes[groups])
        found = np.empty(slots.shape, np.int64)
        for group, number in sorted(set(zip(groups.tolist(), passes.tolist(), strict=True))):
            chosen = (groups == group) & (passes == number)
            seed = (self.seed, group, number, _STREAM)
            positions = shuffled_rows(places[chosen], int(sizes[group]), seed)
            found[chosen] = self.rows[group][positions]
        return found


def _rounded(shares: np.ndarray, total: int) -> np.ndarray:
    """Returns whole numbers that add up to `total`, in proportion to shares.

    By largest remainder, but at least 1 where a share is over 0: no group is left out.
    """
    exact = shares * (total / shares.sum())
    counts = np.maximum(np.floor(exact), shares > 0).astype(np.int64)
    while missing := total - counts.sum():
        step = 1 if missing > 0 else -1
        able = shares > 0 if step > 0 else counts > 1
        remainders = np.where(able, step * (exact - counts), -np.inf)
        counts[np.argsort(-remainders, kind="stable")[: min(abs(missing), able.sum())]] += step
    return counts

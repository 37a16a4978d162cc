"""Texts that stand in several rows: in two splits, under two labels, or for nothing."""

from collections.abc import Callable

import numpy as np

from keras_bert_cls.data_check.finding import Finding, Severity
from keras_bert_cls.data_check.row_index import END_BYTES, RowIndex
from keras_bert_cls.data_check.split_rows import SPLITS, Target

_DROP = "--config.data.drop_held_out_texts=true leaves such rows out of training"
_MANY_REPETITIONS = 0.05


def duplicate_findings(
    index: RowIndex, label_of: Callable[[Target], str], *, drops_held_out: bool, examples: int
) -> list[Finding]:
    """Returns leakage between splits, texts with different labels, and repetitions.

    Args:
      index: all rows.
      label_of: returns a target as people read it.
      drops_held_out: whether the config leaves texts of dev and test out of training.
      examples: how many rows a finding shows.
    """
    checks = _DuplicateChecks(index, label_of, examples)
    rows = {split: index.rows_of(split) for split in SPLITS}
    found = []
    for held_out in SPLITS[1:]:
        found += checks.leakage("train", held_out, rows, drops_held_out)
    found += checks.leakage("dev", "test", rows, drops_held_out)
    found += checks.different_labels()
    for split in SPLITS:
        found += checks.repetitions(split, rows[split])
    return found


class _DuplicateChecks:
    def __init__(self, index: RowIndex, label_of: Callable[[Target], str], examples: int):
        self._index, self._label_of, self._examples = index, label_of, examples
        self._keys, self._starts, self._ends = index.keys, index.starts, index.ends

    def leakage(
        self, source: str, held_out: str, rows: dict[str, np.ndarray], drops_held_out: bool
    ) -> list[Finding]:
        known, asked = rows[source], rows[held_out]
        if not known.size or not asked.size:
            return []
        same = np.isin(self._keys[asked], self._keys[known])
        starts = np.isin(self._starts[asked], self._starts[known]) & ~same
        ends = np.isin(self._ends[asked], self._ends[known]) & ~same
        dropped = drops_held_out and source == "train"
        found = []
        if same.any():
            found.append(
                Finding(
                    Severity.NOTE if dropped else Severity.WARNING,
                    "leakage",
                    f"texts of {held_out} stand in {source} too"
                    + ("; they are left out of training (drop_held_out_texts)" if dropped else ""),
                    held_out,
                    int(same.sum()),
                    float(same.mean()),
                    self._twins(asked[same], known, self._keys),
                    "" if dropped else _DROP if source == "train" else "take them out of one",
                )
            )
        if (near := starts | ends).any():
            by_start = self._twins(asked[starts], known, self._starts)
            by_end = self._twins(asked[ends & ~starts], known, self._ends)
            found.append(
                Finding(
                    Severity.WARNING,
                    "near leakage",
                    f"texts of {held_out} share their first or last letters and digits with one "
                    f"in {source} (all of them, or {END_BYTES} Latin, {END_BYTES // 3} Chinese)",
                    held_out,
                    int(near.sum()),
                    float(near.mean()),
                    (by_start + by_end)[: self._examples],
                    f"look at the pairs; take what is the same text out of {source}",
                )
            )
        return found

    def different_labels(self) -> list[Finding]:
        targets = self._index.targets
        order = np.lexsort((targets, self._keys))
        keys, sorted_targets = self._keys[order], targets[order]
        is_new = np.ones(len(order), bool)
        is_new[1:] = (keys[1:] != keys[:-1]) | (sorted_targets[1:] != sorted_targets[:-1])
        order = order[is_new]  # The first row of each text with each label.
        keys = self._keys[order]
        clashes = np.flatnonzero(keys[1:] == keys[:-1])
        if not clashes.size:
            return []
        texts, firsts = np.unique(keys[clashes], return_index=True)
        rows = int(np.isin(self._keys, texts).sum())
        pairs = [sorted((order[at], order[at + 1])) for at in clashes[firsts]]
        pairs = sorted(pairs)[: self._examples]
        return [
            Finding(
                Severity.WARNING,
                "different labels",
                f"{len(texts):,} texts stand in {rows:,} rows with different labels: "
                "at most one of them can be learned, or scored, right",
                "",
                rows,
                rows / len(self._index),
                tuple(" and ".join(map(self._labelled, pair)) for pair in pairs),
                "decide on one label for a text, or take such texts out",
            )
        ]

    def repetitions(self, split: str, rows: np.ndarray) -> list[Finding]:
        if not rows.size:
            return []
        keys = self._keys[rows]
        _, firsts = np.unique(keys, return_index=True)
        repeated = np.ones(len(rows), bool)
        repeated[firsts] = False
        if not repeated.any():
            return []
        many = repeated.mean() > _MANY_REPETITIONS
        return [
            Finding(
                Severity.WARNING if many else Severity.NOTE,
                "repetitions",
                "rows repeat a text that stands in the split before",
                split,
                int(repeated.sum()),
                float(repeated.mean()),
                self._twins(rows[repeated], rows[firsts], self._keys),
                "repeated rows weigh more; keep one of each unless that is meant",
            )
        ]

    def _twins(self, rows: np.ndarray, others: np.ndarray, keys: np.ndarray) -> tuple[str, ...]:
        """Returns "file:line = file:line" for the first of `rows` and the first match of each."""
        pairs = []
        for row in rows[: self._examples]:
            other = others[keys[others] == keys[row]][0]
            pairs.append(f"{self._index.where(row)} = {self._index.where(other)}")
        return tuple(pairs)

    def _labelled(self, row: int) -> str:
        target = self._index.target(row)
        return f"{self._index.where(row)} ({'?' if target is None else self._label_of(target)})"

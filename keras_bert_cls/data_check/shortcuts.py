"""Single tokens that nearly give the label, such as the emoticons that labelled the corpus."""

import collections
import re
from collections.abc import Iterable

from keras_bert_cls.data.labels import LabelSet
from keras_bert_cls.data_check.finding import Finding, Severity
from keras_bert_cls.data_check.split_rows import CheckedRow
from keras_bert_cls.proportions import wilson_interval

_MOST_ENTRIES = 400_000
_LEAST_SHARE = 0.01  # of all rows
_LEAST_LABEL_SHARE = 0.2  # of a label's rows, where that is less
_LEAST_PURITY = 0.95
_LARGEST_PRIOR = 0.8
_WARNING_SHARE = 0.2
_MOST_NAMED = 8
_CHARACTERS_READ = 2000

_TOKEN = re.compile(
    r"\[[^\[\]\s]{1,8}\]"  # [泪], as microblogs write emoticons
    r"|[:;=8xX][-o']?[()DPp]+(?!\w)"  # :-)
    r"|[\u3400-\u9fff]+"
    r"|[^\W\d_]+(?:'[^\W\d_]+)?"
    r"|[^\w\s]"
)


def tokens_of(text: str) -> set[str]:
    """Returns the emoticons, words, pairs of Chinese characters and symbols of a text."""
    found: set[str] = set()
    for token in _TOKEN.findall(text[:_CHARACTERS_READ].lower()):
        if "\u3400" <= token[0] <= "\u9fff":
            found.update(token[i : i + 2] for i in range(max(1, len(token) - 1)))
        else:
            found.add(token)
    return found


class Shortcuts:
    """Counts in how many training rows of each label a token stands.

    Memory is bounded: of too many tokens the rarest are forgotten. What is left are candidates,
    which `ShortcutRows` counts exactly.

    Args:
      labels: of the task.
    """

    def __init__(self, labels: LabelSet):
        self._labels = labels
        self._counts: collections.Counter[tuple[str, int]] = collections.Counter()
        self._label_rows: collections.Counter[int] = collections.Counter()
        self._rows = 0

    def add(self, checked: CheckedRow) -> None:
        """Counts the tokens of a training row; others are not looked at."""
        if checked.split != "train" or not checked.label_ids:
            return
        self._rows += 1
        self._label_rows.update(checked.label_ids)
        tokens = tokens_of(" ".join(checked.texts))
        for label in checked.label_ids:
            self._counts.update((token, label) for token in tokens)
        if len(self._counts) > _MOST_ENTRIES:
            self._forget()

    def candidates(self) -> "ShortcutRows":
        """Returns what is to see all rows once more: it is empty where there is no candidate."""
        totals: collections.Counter[str] = collections.Counter()
        for (token, _), count in self._counts.items():
            totals[token] += count
        chosen = {
            token: label
            for (token, label), count in self._counts.items()
            if count >= self._least(label)
            and self._label_rows[label] <= _LARGEST_PRIOR * self._rows
            and wilson_interval(count, totals[token])[0] >= _LEAST_PURITY
        }
        return ShortcutRows(self._labels, chosen)

    def _least(self, label: int) -> float:
        shares = (_LEAST_SHARE * self._rows, _LEAST_LABEL_SHARE * self._label_rows[label])
        return min(shares)

    def _forget(self) -> None:
        least = 1
        while len(self._counts) > _MOST_ENTRIES / 2:
            least += 1
            self._counts = collections.Counter(
                {entry: count for entry, count in self._counts.items() if count >= least}
            )


class ShortcutRows:
    """Counts the rows in which tokens stand, and how many of them have the token's label.

    Args:
      labels: of the task.
      label_of: token -> the label that it goes with.
    """

    def __init__(self, labels: LabelSet, label_of: dict[str, int]):
        self._labels, self._label_of = labels.names, label_of
        self._hits: collections.Counter[str] = collections.Counter()
        self._right: collections.Counter[str] = collections.Counter()
        self._rows = self._covered = self._covered_right = 0
        self._places: dict[str, str] = {}

    def __bool__(self) -> bool:
        return bool(self._label_of)

    def count(self, rows: Iterable[CheckedRow]) -> None:
        """Counts training rows."""
        for checked in rows:
            self._rows += 1
            hits = tokens_of(" ".join(checked.texts)) & self._label_of.keys()
            right = {token for token in hits if self._label_of[token] in checked.label_ids}
            self._hits.update(hits)
            self._right.update(right)
            self._covered += bool(hits)
            self._covered_right += bool(right)
            for token in right:
                self._places.setdefault(token, checked.row.where)

    def findings(self, examples: int) -> list[Finding]:
        """Returns one finding for all tokens."""
        tokens = [
            token
            for token, count in self._hits.most_common()
            if wilson_interval(self._right[token], count)[0] >= _LEAST_PURITY
        ]
        if not tokens:
            return []
        told = ", ".join(
            f"{token!r} ({self._labels[self._label_of[token]]}: "
            f"{self._right[token]:,} of {self._hits[token]:,})"
            for token in tokens[:_MOST_NAMED]
        )
        more = f" and {len(tokens) - _MOST_NAMED} more" if len(tokens) > _MOST_NAMED else ""
        share = self._covered / self._rows
        return [
            Finding(
                Severity.WARNING if share > _WARNING_SHARE else Severity.NOTE,
                "shortcuts",
                f"single tokens nearly give the label: {told}{more}. They stand in {share:.0%} of "
                f"the rows and are right in {self._covered_right / self._covered:.1%} of these",
                "train",
                self._covered,
                share,
                tuple(f"{self._places[token]}: {token}" for token in tokens[:examples]),
                "if the labels were made from these tokens, take them out of the text, or the "
                "model learns nothing else",
            )
        ]

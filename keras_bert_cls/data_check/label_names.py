"""Labels whose name stands in their own texts: the answer, written into the question."""

import re
from typing import NamedTuple

from keras_bert_cls.data.labels import LabelSet
from keras_bert_cls.data.text_keys import comparable_text
from keras_bert_cls.data_check.finding import Finding, Severity
from keras_bert_cls.data_check.split_rows import CheckedRow

_OTHERS_PER_ROW = 32
_LEAST_ROWS = 10
_LEAST_SHARE = 0.05  # of the label's rows
_LEAST_LIFT = 10.0
_WARNING_SHARE = 0.5
_BETWEEN_WORDS = re.compile(r"[\s_\-/.:]+")
_MOST_NAMED = 5


class _Name(NamedTuple):
    words: str
    pattern: re.Pattern[str]

    def stands_in(self, text: str) -> bool:
        return self.words in text and self.pattern.search(text) is not None


class LabelNames:
    """Counts how often a label's name stands in texts of that label, and in other ones.

    Each row is searched for its own labels and for at most 32 others, in turn: the work does not
    grow with the number of labels.

    Args:
      labels: of the task.
      examples: how many rows a finding shows.
    """

    def __init__(self, labels: LabelSet, examples: int):
        self._labels, self._examples = labels.names, examples
        self._names = [_searchable(name) for name in labels.names]
        size = len(labels)
        self._own, self._own_rows = [0] * size, [0] * size
        self._other, self._other_rows = [0] * size, [0] * size
        self._places: list[list[str]] = [[] for _ in range(size)]
        self._turn = 0

    def add(self, checked: CheckedRow) -> None:
        """Searches a training row; others are not looked at."""
        if checked.split != "train" or not any(self._names):
            return
        text = comparable_text(" ".join(checked.texts))
        for label in checked.label_ids:
            self._own_rows[label] += 1
            if (name := self._names[label]) and name.stands_in(text):
                self._own[label] += 1
                if len(self._places[label]) < self._examples:
                    self._places[label].append(checked.row.where)
        for _ in range(min(_OTHERS_PER_ROW, len(self._names))):
            self._turn = (self._turn + 1) % len(self._names)
            other = self._names[self._turn]
            if self._turn not in checked.label_ids:
                self._other_rows[self._turn] += 1
                self._other[self._turn] += bool(other and other.stands_in(text))

    def findings(self) -> list[Finding]:
        """Returns one finding for all such labels."""
        leaking = [label for label in range(len(self._names)) if self._leaks(label)]
        if not leaking:
            return []
        leaking.sort(key=lambda label: -self._own[label])
        rows = sum(self._own[label] for label in leaking)
        labelled = sum(self._own_rows)
        told = ", ".join(
            f"{self._labels[label]!r} in {self._own[label] / self._own_rows[label]:.0%} of its rows"
            for label in leaking[:_MOST_NAMED]
        )
        more = f" and {len(leaking) - _MOST_NAMED} more" if len(leaking) > _MOST_NAMED else ""
        much = rows > _WARNING_SHARE * sum(self._own_rows[label] for label in leaking)
        return [
            Finding(
                Severity.WARNING if much else Severity.NOTE,
                "label names",
                f"the label's own name stands in its texts, and hardly in others: {told}{more}",
                "train",
                rows,
                rows / labelled,
                tuple(self._places[leaking[0]]),
                "if the label was made from these words, take them out of the text",
            )
        ]

    def _leaks(self, label: int) -> bool:
        hits, rows = self._own[label], self._own_rows[label]
        if hits < max(_LEAST_ROWS, _LEAST_SHARE * rows):
            return False
        elsewhere = (self._other[label] + 0.5) / (self._other_rows[label] + 1)
        return hits / rows > _LEAST_LIFT * elsewhere


def _searchable(label: str) -> _Name | None:
    """Returns the name as it would stand in a text; None if it says nothing, as numbers do."""
    words = comparable_text(_BETWEEN_WORDS.sub(" ", label))
    if len(words) < (3 if words.isascii() else 2) or not any(map(str.isalpha, words)):
        return None
    return _Name(words, re.compile(rf"(?<![a-z0-9]){re.escape(words)}(?![a-z0-9])"))

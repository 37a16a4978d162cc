"""Which languages the texts of each split are in."""

import collections

from keras_bert_cls.data.languages import language_of
from keras_bert_cls.data_check.distribution import has_shifted
from keras_bert_cls.data_check.finding import Finding, Severity
from keras_bert_cls.data_check.split_rows import CheckedRow

_RARE = 0.01
_REMEDY = "draw the splits from one source, or score the languages apart"


class LanguageMix:
    """Counts the languages of rows, and keeps places of rare ones.

    Args:
      examples: how many rows a finding shows.
    """

    def __init__(self, examples: int):
        self._examples = examples
        self._counts: dict[str, collections.Counter[str]] = {}
        self._places: dict[tuple[str, str], list[str]] = {}

    def add(self, checked: CheckedRow) -> None:
        """Counts a row."""
        language = language_of(" ".join(checked.texts))
        self._counts.setdefault(checked.split, collections.Counter())[language] += 1
        places = self._places.setdefault((checked.split, language), [])
        if len(places) < self._examples:
            places.append(f"{checked.row.where}: {checked.row.text[:40]!r}")

    def counts(self, split: str) -> dict[str, int]:
        """Returns the rows of each language of a split, the most frequent first."""
        return dict(self._counts.get(split, collections.Counter()).most_common())

    def findings(self) -> list[Finding]:
        """Returns shifts between splits, and languages of few rows."""
        found = []
        train = self._counts.get("train")
        for split, counts in self._counts.items():
            if train and split != "train" and has_shifted(train, counts):
                message = f"{_mix(counts)}; train is {_mix(train)}"
                found.append(
                    Finding(Severity.WARNING, "language shift", message, split, remedy=_REMEDY)
                )
            found += self._rare(split, counts)
        return found

    def _rare(self, split: str, counts: collections.Counter[str]) -> list[Finding]:
        rows = counts.total()
        return [
            Finding(
                Severity.NOTE,
                "languages",
                "rows without any letter" if language == "none" else f"few rows are {language}",
                split,
                count,
                count / rows,
                tuple(self._places[split, language]),
            )
            for language, count in counts.most_common()
            if count < _RARE * rows
        ]


def _mix(counts: collections.Counter[str]) -> str:
    rows = counts.total()
    return ", ".join(f"{name} {count / rows:.0%}" for name, count in counts.most_common(4))

"""How many rows each label has in each split."""

import collections

from keras_bert_cls.data.labels import LabelSet
from keras_bert_cls.data.text_keys import comparable_text
from keras_bert_cls.data_check.distribution import has_shifted, total_variation
from keras_bert_cls.data_check.finding import Finding, Severity
from keras_bert_cls.data_check.split_rows import CheckedRow

_MOST_NAMED = 10
_IMBALANCE = 10
_BALANCE = "--config.head.class_weight=balanced, and --config.train.metric=macro_f1 to choose by"


class ClassCounts:
    """Counts labels.

    Args:
      labels: of the task.
      examples: how many rows a finding shows.
    """

    def __init__(self, labels: LabelSet, examples: int):
        self._names = labels.names
        self._examples = examples
        self._counts: dict[str, collections.Counter[int]] = {}
        self._rows: collections.Counter[str] = collections.Counter()
        self._places: dict[int, list[str]] = {}

    def add(self, checked: CheckedRow) -> None:
        """Counts a row."""
        counts = self._counts.setdefault(checked.split, collections.Counter())
        counts.update(checked.label_ids)
        self._rows[checked.split] += 1
        if checked.split == "train":
            for label in checked.label_ids:
                places = self._places.setdefault(label, [])
                if len(places) < self._examples:
                    places.append(checked.row.where)

    def counts(self, split: str) -> dict[str, int]:
        """Returns the rows of each label in a split, in the order of the labels."""
        counts = self._counts.get(split, collections.Counter())
        return {name: counts[label] for label, name in enumerate(self._names)}

    def findings(self, min_class_rows: int) -> list[Finding]:
        """Returns labels with no or few rows, imbalance, and shifts between splits."""
        train = self._counts.get("train")
        if not train:
            return []
        return [
            *self._missing(train),
            *self._few(train, min_class_rows),
            *self._imbalance(train),
            *self._spellings(train),
            *(finding for split in self._counts for finding in self._held_out(split)),
        ]

    def _missing(self, train: collections.Counter[int]) -> list[Finding]:
        missing = [name for label, name in enumerate(self._names) if not train[label]]
        if not missing:
            return []
        message = f"labels without a training row: {_listed(missing)}"
        remedy = "add rows, or take the labels out of labels_file"
        return [Finding(Severity.ERROR, "class counts", message, "train", remedy=remedy)]

    def _few(self, train: collections.Counter[int], least: int) -> list[Finding]:
        few = [label for label in range(len(self._names)) if 0 < train[label] < least]
        if not few:
            return []
        few.sort(key=lambda label: train[label])
        told = _listed([f"{self._names[label]} ({train[label]})" for label in few])
        rows = sum(train[label] for label in few)
        rare = few[0]
        return [
            Finding(
                Severity.WARNING,
                "class counts",
                f"labels with fewer than {least} training rows: {told}",
                "train",
                rows,
                rows / self._rows["train"],
                tuple(f"{where}: {self._names[rare]}" for where in self._places[rare]),
                "add rows, or merge labels. A label that stands once, in line 1, may be the "
                "name of the column: --config.data.header=true",
            )
        ]

    def _imbalance(self, train: collections.Counter[int]) -> list[Finding]:
        most, least = max(train, key=lambda k: train[k]), min(train, key=lambda k: train[k])
        ratio = train[most] / train[least]
        if ratio < _IMBALANCE:
            return []
        message = (
            f"{self._names[most]} has {ratio:,.0f} times the rows of {self._names[least]} "
            f"({train[most]:,} and {train[least]:,})"
        )
        return [Finding(Severity.NOTE, "imbalance", message, "train", remedy=_BALANCE)]

    def _spellings(self, train: collections.Counter[int]) -> list[Finding]:
        spellings: dict[str, list[str]] = {}
        for name in self._names:
            spellings.setdefault(comparable_text(name), []).append(name)
        twice = [" = ".join(map(repr, names)) for names in spellings.values() if len(names) > 1]
        if not twice:
            return []
        message = f"labels that differ in case or width only: {_listed(twice)}"
        return [Finding(Severity.WARNING, "labels", message, remedy="write each label one way")]

    def _held_out(self, split: str) -> list[Finding]:
        if split == "train":
            return []
        found, counts, train = [], self._counts[split], self._counts["train"]
        missing = [n for label, n in enumerate(self._names) if train[label] and not counts[label]]
        if missing:
            message = f"labels that are never scored, having no row: {_listed(missing)}"
            found.append(Finding(Severity.NOTE, "class counts", message, split))
        if counts and has_shifted(train, counts):
            rows, train_rows = sum(counts.values()), sum(train.values())
            worst = max(train, key=lambda k: abs(counts[k] / rows - train[k] / train_rows))
            message = (
                "the shares of the labels differ from train by "
                f"{total_variation(train, counts):.0%}, most for {self._names[worst]}: "
                f"{train[worst] / train_rows:.0%} in train, "
                f"{counts[worst] / rows:.0%} here"
            )
            remedy = "draw the splits from one distribution, or score by macro_f1"
            found.append(Finding(Severity.WARNING, "label shift", message, split, remedy=remedy))
        return found


def _listed(names: list[str]) -> str:
    rest = len(names) - _MOST_NAMED
    return ", ".join(names[:_MOST_NAMED]) + (f" and {rest} more" if rest > 0 else "")

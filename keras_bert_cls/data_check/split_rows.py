"""Reads a split with the readers of training, to its end whatever stands in it."""

import dataclasses
from collections.abc import Iterator

from tqdm import tqdm

from keras_bert_cls.data.bad_rows import BadRows
from keras_bert_cls.data.config import ClassificationData
from keras_bert_cls.data.labels import LabelSet, rows_with_targets
from keras_bert_cls.data.readers import read_rows
from keras_bert_cls.data.rows import Row
from keras_bert_cls.data.targets import target_of
from keras_bert_cls.data_check.finding import Finding, Severity
from keras_bert_cls.errors import UserError

SPLITS = ("train", "dev", "test")

Target = int | float | tuple[int, ...]


def files_of(config: ClassificationData, split: str) -> tuple[str, ...]:
    """Returns the paths and patterns of a split."""
    return getattr(config, f"{split}_files")


@dataclasses.dataclass
class CheckedRow:
    """A row that training would use.

    Attributes:
      split: "train", "dev" or "test".
      row: as it stands in the file.
      target: label id, label ids or a number; None where the labels could not be read.
    """

    split: str
    row: Row
    target: Target | None

    @property
    def texts(self) -> tuple[str, ...]:
        """The text, or the two texts."""
        row = self.row
        return (row.text,) if row.text_pair is None else (row.text, row.text_pair)

    @property
    def label_ids(self) -> tuple[int, ...]:
        """The ids of the row's labels; none for a regression."""
        if isinstance(self.target, tuple):
            return self.target
        return (self.target,) if isinstance(self.target, int) else ()


class SplitRows:
    """The rows of one split.

    Args:
      config: how to read them.
      split: "train", "dev" or "test".
      labels: from `read_labels`; None for a regression.
      has_targets: False if the labels could not be read: then no label is looked at.
      examples: how many bad rows of a kind to show.

    Attributes:
      rows: how many of them training would use.
    """

    def __init__(
        self,
        config: ClassificationData,
        split: str,
        labels: LabelSet | None,
        *,
        has_targets: bool = True,
        examples: int = 3,
    ):
        self._config, self.split, self._labels = config, split, labels
        self._has_targets = has_targets
        self._bad_rows = BadRows("skip", examples_per_kind=examples)
        self._bad_labels = BadRows(
            "skip", option="unknown_label", examples_per_kind=max(examples, 1)
        )
        self._broken = ""
        self.rows = 0

    def __iter__(self) -> Iterator[CheckedRow]:
        config, files = self._config, files_of(self._config, self.split)

        def target(row: Row) -> Target | None:
            return target_of(row, config, self._labels) if self._has_targets else None

        progress = tqdm(
            desc=f"checking {self.split}", unit=" rows", unit_scale=True, disable=None, leave=False
        )
        with progress:
            try:
                rows = read_rows(files, config.table(files), self._bad_rows)
                for row, value in rows_with_targets(rows, target, self._bad_labels):
                    self.rows += 1
                    progress.update()
                    yield CheckedRow(self.split, row, value)
            except UserError as error:
                self._broken = str(error)

    def findings(self) -> list[Finding]:
        """Returns what was wrong with the rows, once they have been read."""
        found = []
        if self._broken:
            found.append(Finding(Severity.ERROR, "files", self._broken, self.split))
        found += self._bad(self._bad_rows, "rows", "on_bad_row")
        found += self._bad(self._bad_labels, "labels", "unknown_label")
        if not self.rows and not self._broken:
            message = "no row is left that training could use"
            found.append(Finding(Severity.ERROR, "rows", message, self.split))
        return found

    def _bad(self, bad: BadRows, check: str, option: str) -> list[Finding]:
        stops = getattr(self._config, option) == "error"
        every = max(self.rows + self._bad_rows.total + self._bad_labels.total, 1)
        return [
            Finding(
                Severity.ERROR if stops else Severity.WARNING,
                check,
                kind if stops else f"{kind}: such rows are skipped ({option}=skip)",
                self.split,
                count,
                count / every,
                tuple(bad.examples[kind]),
                f"mend the rows, or skip and count them with --config.data.{option}=skip"
                if stops
                else "",
            )
            for kind, count in bad.counts.most_common()
        ]

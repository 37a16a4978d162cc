"""Checks the data of a fine-tuning run before it trains."""

import dataclasses
from typing import TYPE_CHECKING, Protocol

import numpy as np

from keras_bert_cls.data.config import ClassificationData
from keras_bert_cls.data.labels import LabelSet
from keras_bert_cls.data.targets import read_labels
from keras_bert_cls.data_check.class_counts import ClassCounts
from keras_bert_cls.data_check.duplicates import duplicate_findings
from keras_bert_cls.data_check.finding import Finding, Severity
from keras_bert_cls.data_check.label_names import LabelNames
from keras_bert_cls.data_check.language_mix import LanguageMix
from keras_bert_cls.data_check.options import CheckOptions
from keras_bert_cls.data_check.report import DataReport, SplitReport
from keras_bert_cls.data_check.row_index import RowIndex
from keras_bert_cls.data_check.shortcuts import Shortcuts
from keras_bert_cls.data_check.split_rows import SPLITS, CheckedRow, SplitRows, Target, files_of
from keras_bert_cls.data_check.text_damage import TextDamage
from keras_bert_cls.data_check.token_lengths import TokenLengths
from keras_bert_cls.data_check.value_range import ValueRange
from keras_bert_cls.errors import UserError
from keras_bert_cls.training.class_weights import class_weights
from keras_bert_cls.training.config import HeadConfig

if TYPE_CHECKING:
    from keras_bert_cls.text.tokenizer import Tokenizer

_DEFAULT_OPTIONS = CheckOptions()
_DEFAULT_HEAD = HeadConfig()
_ORDER = (Severity.ERROR, Severity.WARNING, Severity.NOTE)


def check_data(
    config: ClassificationData,
    tokenizer: "Tokenizer | None" = None,
    options: CheckOptions = _DEFAULT_OPTIONS,
    head: HeadConfig = _DEFAULT_HEAD,
) -> DataReport:
    """Reads all splits, as training would, and reports what is wrong or doubtful in them.

    Memory: some 50 bytes a row for duplicates and lengths; texts are not kept.

    Args:
      config: the splits, columns and maximum length.
      tokenizer: of the model; None estimates lengths, and loads no TensorFlow.
      options: limits of the checks.
      head: whose class weights must name labels that are there.

    Raises:
      UserError: the config itself is wrong. Faults of files and rows are findings.
    """
    if problems := config.problems():
        raise UserError("the data config is wrong:\n" + "\n".join(f"  {p}" for p in problems))
    return _DataCheck(config, tokenizer, options, head).run()


class _Gatherer(Protocol):
    def add(self, checked: CheckedRow) -> None: ...


class _DataCheck:
    def __init__(
        self,
        config: ClassificationData,
        tokenizer: "Tokenizer | None",
        options: CheckOptions,
        head: HeadConfig,
    ):
        self._config, self._options = config, options
        self._found: list[Finding] = []
        self._has_targets = True
        self._labels = self._read_labels(head)
        self._index = RowIndex()
        self._damage = TextDamage(options.examples)
        self._lengths = TokenLengths(tokenizer, config.max_length, options.examples)
        self._languages = LanguageMix(options.examples)
        self._values = ValueRange()
        labels = self._labels or LabelSet(["none"])
        self._counts = ClassCounts(labels, options.examples)
        self._names = LabelNames(labels, options.examples)
        self._shortcuts = Shortcuts(labels)

    def run(self) -> DataReport:
        splits = {split: self._rows(split) for split in SPLITS if files_of(self._config, split)}
        gatherers: list[_Gatherer] = [
            self._index,
            self._damage,
            self._lengths,
            self._languages,
            self._values,
        ]
        if self._labels is not None:
            gatherers += [self._counts, self._names, self._shortcuts]
        for rows in splits.values():
            for checked in rows:
                for gatherer in gatherers:
                    gatherer.add(checked)
            self._found += rows.findings()
        self._lengths.flush()
        self._gather({split: rows.rows for split, rows in splits.items()})
        return DataReport(
            {split: self._split_report(split, rows.rows) for split, rows in splits.items()},
            sorted(self._found_once(), key=lambda finding: _ORDER.index(finding.severity)),
            self._lengths.is_estimate,
        )

    def _read_labels(self, head: HeadConfig) -> LabelSet | None:
        """Returns the labels of the rows that can be used; each bad row is reported later."""
        lenient = dataclasses.replace(self._config, on_bad_row="skip", unknown_label="skip")
        try:
            labels = read_labels(lenient)
            if labels is not None:
                class_weights(head, labels.names, np.zeros(0, np.int64), 0)
            return labels
        except UserError as error:
            self._has_targets = False
            self._found.append(Finding(Severity.ERROR, "labels", str(error), "train"))
            return None

    def _rows(self, split: str) -> SplitRows:
        return SplitRows(
            self._config,
            split,
            self._labels,
            has_targets=self._has_targets,
            examples=self._options.examples,
        )

    def _gather(self, rows: dict[str, int]) -> None:
        options = self._options
        self._found += self._all_left_out()
        self._found += duplicate_findings(
            self._index,
            self._told_target,
            drops_held_out=self._config.drop_held_out_texts,
            examples=options.examples,
        )
        if self._labels is not None:
            self._found += self._counts.findings(options.min_class_rows)
            self._found += self._names.findings()
            if candidates := self._shortcuts.candidates():
                candidates.count(self._rows("train"))
                self._found += candidates.findings(options.examples)
        self._found += self._values.findings()
        self._found += self._lengths.findings()
        self._found += self._damage.findings(rows)
        self._found += self._languages.findings()

    def _found_once(self) -> list[Finding]:
        """Returns the findings; a file that cannot be read is met by labels and rows alike."""
        return list({(finding.split, finding.message): finding for finding in self._found}.values())

    def _all_left_out(self) -> list[Finding]:
        train = self._index.rows_of("train")
        if not (self._config.drop_held_out_texts and train.size):
            return []
        held_out = np.concatenate([self._index.rows_of(split) for split in SPLITS[1:]])
        keys = self._index.keys
        if not np.isin(keys[train], keys[held_out]).all():
            return []
        message = "every row is left out: all texts stand in dev or test (drop_held_out_texts)"
        return [Finding(Severity.ERROR, "leakage", message, "train", len(train), 1.0)]

    def _told_target(self, target: Target) -> str:
        if self._labels is None:
            return f"{target:g}"
        ids = target if isinstance(target, tuple) else (target,)
        return ", ".join(self._labels.names[int(label)] for label in ids) or "no label"

    def _split_report(self, split: str, rows: int) -> SplitReport:
        if not rows:
            return SplitReport(0)
        return SplitReport(
            rows,
            self._counts.counts(split) if self._labels else {},
            self._values.summary(split),
            self._languages.counts(split),
            self._lengths.percentiles(split),
            self._lengths.cut(split),
        )

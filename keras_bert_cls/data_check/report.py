"""All that a check of data found: JSON, and text for a terminal."""

import dataclasses
from typing import Any

from keras_bert_cls.data_check.finding import Finding, Severity, count_of
from keras_bert_cls.data_check.text_table import text_table

_MOST_LABELS = 30
_ORDER = (Severity.ERROR, Severity.WARNING, Severity.NOTE)


@dataclasses.dataclass
class SplitReport:
    """What one split is made of.

    Attributes:
      rows: that training would use.
      labels: rows of each label; empty for a regression.
      values: minimum, mean, deviation and maximum of a regression.
      languages: rows of each language, see `language_of`.
      lengths: percentile -> tokens, [CLS] and [SEP] included.
      cut: maximum length -> share of the rows that it would cut.
    """

    rows: int
    labels: dict[str, int] = dataclasses.field(default_factory=dict)
    values: dict[str, float] = dataclasses.field(default_factory=dict)
    languages: dict[str, int] = dataclasses.field(default_factory=dict)
    lengths: dict[str, int] = dataclasses.field(default_factory=dict)
    cut: dict[str, float] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass
class DataReport:
    """What a check of data found.

    Attributes:
      splits: by name.
      findings: the worst first.
      lengths_are_estimates: whether lengths are estimated, for want of a vocabulary.
    """

    splits: dict[str, SplitReport]
    findings: list[Finding]
    lengths_are_estimates: bool = False

    def count(self, severity: Severity) -> int:
        """Returns how many findings are of a severity."""
        return count_of(self.findings, severity)

    def to_json(self) -> dict[str, Any]:
        """Returns the report as JSON."""
        return {
            "errors": self.count(Severity.ERROR),
            "warnings": self.count(Severity.WARNING),
            **dataclasses.asdict(self),
        }

    def to_text(self) -> str:
        """Returns the report as people read it: tables first, then the findings, worst last."""
        parts = [self._splits_table(), self._cut_table(), self._labels_table()]
        parts += [_told(finding) for severity in _ORDER[::-1] for finding in self._of(severity)]
        counts = (self.count(severity) for severity in _ORDER)
        parts.append("errors: {}, warnings: {}, notes: {}".format(*counts))
        return "\n\n".join(part for part in parts if part)

    def _of(self, severity: Severity) -> list[Finding]:
        return [finding for finding in self.findings if finding.severity is severity]

    def _splits_table(self) -> str:
        rows = []
        for name, split in self.splits.items():
            mix = [f"{k} {v / split.rows:.0%}" for k, v in list(split.languages.items())[:3]]
            values = [f"{k} {v:.3g}" for k, v in split.values.items()]
            rows.append(
                [name, f"{split.rows:,}", " ".join(mix), *([" ".join(values)] * bool(values))]
            )
        values_column = ["values"] if any(split.values for split in self.splits.values()) else []
        return text_table(["split", "rows", "languages", *values_column], rows)

    def _cut_table(self) -> str:
        filled = {name: split for name, split in self.splits.items() if split.cut}
        if not filled:
            return ""
        first = next(iter(filled.values()))
        about = " (estimated)" if self.lengths_are_estimates else ""
        header = [
            f"tokens{about}",
            *(f"p{percent}" if percent != "100" else "max" for percent in first.lengths),
            *(f"cut at {length}" for length in first.cut),
        ]
        rows = [
            [
                name,
                *(f"{length:,}" for length in split.lengths.values()),
                *(f"{share:.1%}" for share in split.cut.values()),
            ]
            for name, split in filled.items()
        ]
        return text_table(header, rows)

    def _labels_table(self) -> str:
        filled = {name: split for name, split in self.splits.items() if split.labels}
        if not filled:
            return ""
        names = list(next(iter(filled.values())).labels)
        names.sort(key=lambda name: -max(split.labels[name] for split in filled.values()))
        rows = [
            [
                name,
                *(
                    f"{split.labels[name]:,} ({split.labels[name] / max(split.rows, 1):.1%})"
                    for split in filled.values()
                ),
            ]
            for name in names[:_MOST_LABELS]
        ]
        table = text_table(["label", *filled], rows)
        rest = len(names) - _MOST_LABELS
        return table + (f"\n… and {rest:,} more labels" if rest > 0 else "")


def _told(finding: Finding) -> str:
    split = f"{finding.split}: " if finding.split else ""
    rows = f" — {finding.count:,} row{'s' if finding.count > 1 else ''}" if finding.count else ""
    rows += f" ({_percent(finding.share)})" if finding.count else ""
    lines = [f"{finding.severity:<8} {finding.check}: {split}{finding.message}{rows}"]
    lines += [f"           {example}" for example in finding.examples]
    if finding.remedy:
        lines.append(f"        -> {finding.remedy}")
    return "\n".join(lines)


def _percent(share: float) -> str:
    return f"{share:.1%}" if share >= 0.001 else f"{share:.3%}"

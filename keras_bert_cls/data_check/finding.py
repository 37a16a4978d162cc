"""What a check of data found: what breaks training, what is doubtful, what is good to know."""

import dataclasses
import enum
from collections.abc import Iterable


class Severity(enum.StrEnum):
    """How bad a finding is: an error ends bertcls-finetune, or leaves a label without rows."""

    NOTE = "note"
    WARNING = "warning"
    ERROR = "error"


@dataclasses.dataclass(frozen=True)
class Finding:
    """One result of a check.

    Attributes:
      severity: how bad it is.
      check: the check's name, such as "leakage".
      split: "train", "dev" or "test"; "" where it concerns no single one.
      message: what was found.
      count: rows that it concerns.
      share: of the rows of the split.
      examples: file:line and what stands there.
      remedy: what mends it, naming the flag where one does.
    """

    severity: Severity
    check: str
    message: str
    split: str = ""
    count: int = 0
    share: float = 0.0
    examples: tuple[str, ...] = ()
    remedy: str = ""


def count_of(findings: Iterable[Finding], severity: Severity) -> int:
    """Returns how many findings are of a severity."""
    return sum(finding.severity is severity for finding in findings)

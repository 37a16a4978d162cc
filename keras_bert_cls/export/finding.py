"""What a check found: in order, doubtful, or in the way, and what to change."""

import dataclasses
import enum
from collections.abc import Iterable


class Severity(enum.StrEnum):
    """How bad a finding is: with an error a server refuses the model or serves it wrongly."""

    OK = "ok"
    WARNING = "warning"
    ERROR = "error"


@dataclasses.dataclass(frozen=True)
class Finding:
    """One result of a check.

    Attributes:
      severity: how bad it is.
      check: the check's name, such as "ops".
      message: what was found; and expected, where that differs.
      where: the node and its function, the signature or the file.
      change: what mends it; empty where all is well.
    """

    severity: Severity
    check: str
    message: str
    where: str = ""
    change: str = ""


class Findings:
    """Gathers the findings of one check; equal ones at many places become one."""

    def __init__(self, check: str):
        self._check = check
        self._places: dict[tuple[Severity, str, str], list[str]] = {}

    def error(self, message: str, where: str, change: str) -> None:
        """Notes something that a server refuses or serves wrongly."""
        self._places.setdefault((Severity.ERROR, message, change), []).append(where)

    def warning(self, message: str, where: str, change: str) -> None:
        """Notes something that goes wrong in some set-ups."""
        self._places.setdefault((Severity.WARNING, message, change), []).append(where)

    def close(self, summary: str) -> list[Finding]:
        """Returns what was noted; without anything, one finding that says `summary`."""
        if not self._places:
            return [Finding(Severity.OK, self._check, summary)]
        return [
            Finding(severity, self._check, message, _places(places), change)
            for (severity, message, change), places in self._places.items()
        ]


def errors(findings: Iterable[Finding]) -> list[Finding]:
    """Returns the errors among the findings."""
    return [finding for finding in findings if finding.severity is Severity.ERROR]


def _places(places: list[str]) -> str:
    return places[0] + (f" and {len(places) - 1} more" if len(places) > 1 else "")

"""What happens to rows that cannot be used: the first one stops the reading, or all are counted."""

import collections

from keras_bert_cls.errors import UserError, closest

POLICIES = ("error", "skip")


class RowError(UserError):
    """One row cannot be used; the rows around it can.

    Attributes:
      kind: what is wrong in a word or two, the same for all rows with that fault.
      where: file:line.
    """

    def __init__(self, kind: str, where: str, message: str):
        super().__init__(f"{where}: {message}")
        self.kind = kind
        self.where = where


class BadRows:
    """Stops at the first bad row, or counts bad rows and keeps examples of each kind.

    Attributes:
      counts: kind -> how many rows were skipped for it.
      examples: kind -> messages (with file:line) of the first few of them.
    """

    def __init__(
        self,
        policy: str = "error",
        *,
        option: str | None = "on_bad_row",
        examples_per_kind: int = 3,
    ):
        """Args:
          policy: "error" or "skip".
          option: the name under which the user sets the policy; the error says it. None where the
            user cannot, for every row must be answered.
          examples_per_kind: how many messages to keep of each kind.

        Raises:
          UserError: no such policy.
        """
        if policy not in POLICIES:
            raise UserError(
                f"{option} must be one of {POLICIES}, got {policy!r}.{closest(policy, POLICIES)}"
            )
        self.policy = policy
        self.counts: collections.Counter[str] = collections.Counter()
        self.examples: dict[str, list[str]] = {}
        self._option = option
        self._examples_per_kind = examples_per_kind

    def add(self, error: RowError) -> None:
        """Counts the row under the policy "skip".

        Raises:
          UserError: the policy is "error".
        """
        if self.policy == "error":
            skip = f", or skip and count such rows with {self._option}=skip"
            raise UserError(f"{error} Mend the row{skip if self._option else ''}.") from error
        self.counts[error.kind] += 1
        examples = self.examples.setdefault(error.kind, [])
        if len(examples) < self._examples_per_kind:
            examples.append(str(error))

    @property
    def total(self) -> int:
        """How many rows were skipped."""
        return self.counts.total()

    def summary(self) -> str:
        """Returns the report for the user, several lines; "" if no row was skipped."""
        if not self.total:
            return ""
        lines = [f"skipped {self.total:,} bad row{'s' if self.total > 1 else ''}:"]
        for kind, count in self.counts.most_common():
            lines.append(f"  {count:,} × {kind}, such as")
            lines += [f"    {example}" for example in self.examples[kind]]
        return "\n".join(lines)

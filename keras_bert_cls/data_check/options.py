"""What a check of data is told. Imports no TensorFlow."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class CheckOptions:
    """Limits of the checks.

    Attributes:
      min_class_rows: labels with fewer training rows are reported.
      examples: file:line of how many rows each finding shows.
    """

    min_class_rows: int = 10
    examples: int = 3

"""How MaskedLM fills texts."""

import dataclasses
import math

from keras_bert_cls.errors import UserError
from keras_bert_cls.export.infill_limits import MOST_PASSES

_SEEDS = 2**31


@dataclasses.dataclass(frozen=True)
class InfillOptions:
    """How the [MASK]s of a text are filled.

    Attributes:
      passes: predictions at most; the first fills all [MASK]s, each later one masks those again
        that the model was least sure of.
      temperature: logits are divided by it; above 1 draws more unlikely tokens, 0 always takes the
        likeliest one.
      top_k: draws from so many of the likeliest tokens; 0 from all.
      top_p: draws from the fewest likeliest tokens that have this share of the probability.
      seed: of what is drawn, from 0 to 2**31 - 1.
    """

    passes: int = 10
    temperature: float = 0.0
    top_k: int = 0
    top_p: float = 1.0
    seed: int = 0

    def check(self) -> None:
        """Raises UserError with all that is wrong."""
        problems = []
        if not 1 <= self.passes <= MOST_PASSES:
            problems.append(f"passes must be 1 to {MOST_PASSES}, got {self.passes}")
        if not 0 <= self.temperature < math.inf:
            problems.append(f"temperature must be at least 0, got {self.temperature}")
        if not 0 <= self.top_k < _SEEDS:
            problems.append(f"top_k must be at least 0, got {self.top_k}")
        if not 0 < self.top_p <= 1:
            problems.append(f"top_p must be above 0 and at most 1, got {self.top_p}")
        if not 0 <= self.seed < _SEEDS:
            problems.append(f"seed must be 0 to {_SEEDS - 1}, got {self.seed}")
        if problems:
            raise UserError("; ".join(problems))

    def inputs(self, first: int, rows: int) -> dict[str, tuple[str, list[int] | list[float]]]:
        """Returns the inputs of the signature infill for texts number `first` and following.

        Returns:
          Name -> dtype and values.
        """
        return {
            "seed": ("int64", [(self.seed << 32) + first + row for row in range(rows)]),
            "passes": ("int32", [self.passes] * rows),
            "temperature": ("float32", [self.temperature] * rows),
            "top_k": ("int32", [self.top_k] * rows),
            "top_p": ("float32", [self.top_p] * rows),
        }


DEFAULT_INFILL = InfillOptions()

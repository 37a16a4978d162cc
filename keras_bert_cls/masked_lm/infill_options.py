"""How MaskedLM fills texts."""

import dataclasses
import math

import numpy as np

from keras_bert_cls.errors import UserError

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
        from keras_bert_cls.export.infill_signature import MOST_PASSES

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

    def arrays(self, first: int, rows: int) -> dict[str, np.ndarray]:
        """Returns the inputs of the signature infill for texts number `first` and following."""
        numbers = np.arange(first, first + rows, dtype=np.int64)
        return {
            "seed": (np.int64(self.seed) << 32) + numbers,
            "passes": np.full(rows, self.passes, np.int32),
            "temperature": np.full(rows, self.temperature, np.float32),
            "top_k": np.full(rows, self.top_k, np.int32),
            "top_p": np.full(rows, self.top_p, np.float32),
        }

"""What a config says about the optimizer. Imports no TensorFlow."""

import dataclasses
import re

from keras_bert_cls.data.config import choice_problem

SCHEDULES = ("linear", "cosine", "constant")


@dataclasses.dataclass
class OptimizerConfig:
    """AdamW (Loshchilov and Hutter 2019) with warm-up and decay.

    Attributes:
      learning_rate: the peak.
      schedule: what follows the warm-up: "linear" or "cosine" to 0, or "constant".
      warmup_share: share of the steps in which the rate rises from 0 to its peak.
      weight_decay: decoupled; biases and norms are spared.
      beta_1, beta_2, epsilon: of Adam.
      clip_norm: largest global gradient norm; 0 for no limit.
      lazy_embeddings: rows of the token embedding that have no gradient in an update keep weights
        and moments, where AdamW would decay both and move them on with their momentum. Other
        results, less time; see `change_rows`.
      layer_decay: each block below the top learns at this multiple of the rate of the one above.
      rules: (regex, learning rate multiple, weight decay), tried before the rules that follow from
        weight_decay and layer_decay; the first that is found in a weight's path counts. Multiple 0
        freezes.
    """

    learning_rate: float = 1e-4
    schedule: str = "linear"
    warmup_share: float = 0.1
    weight_decay: float = 0.01
    beta_1: float = 0.9
    beta_2: float = 0.999
    epsilon: float = 1e-6
    clip_norm: float = 1.0
    lazy_embeddings: bool = False
    layer_decay: float = 1.0
    rules: tuple[tuple[str, float, float], ...] = ()

    def problems(self) -> list[str]:
        """Returns what is wrong with the config, a sentence each; empty if all is well."""
        found = choice_problem("schedule", self.schedule, SCHEDULES)
        if not self.learning_rate > 0:
            found.append(f"learning_rate must be over 0, got {self.learning_rate}")
        if not 0 <= self.warmup_share <= 1:
            found.append(f"warmup_share must be in [0, 1], got {self.warmup_share}")
        if not 0 < self.layer_decay <= 1:
            found.append(f"layer_decay must be in (0, 1], got {self.layer_decay}")
        for field in ("beta_1", "beta_2"):
            if not 0 <= getattr(self, field) < 1:
                found.append(f"{field} must be in [0, 1), got {getattr(self, field)}")
        if not self.epsilon > 0:
            found.append(f"epsilon must be over 0, got {self.epsilon}")
        for field in ("weight_decay", "clip_norm"):
            if not getattr(self, field) >= 0:
                found.append(f"{field} must be at least 0, got {getattr(self, field)}")
        return found + self._rule_problems()

    def _rule_problems(self) -> list[str]:
        found = []
        for pattern, learning_rate, weight_decay in self.rules:
            try:
                re.compile(pattern)
            except re.error as error:
                found.append(f"rules: {pattern!r} is no regular expression: {error}")
            for name, value in (("multiple", learning_rate), ("weight decay", weight_decay)):
                if not value >= 0:
                    found.append(
                        f"rules: the {name} of {pattern!r} must be at least 0, got {value}"
                    )
        return found

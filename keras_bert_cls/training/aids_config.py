"""What a fine-tuning config says about training aids. Imports no TensorFlow."""

import dataclasses
import math


@dataclasses.dataclass
class AidsConfig:
    """Ways to train that may generalise better; each is off at 0. docs/training_aids.md measures.

    Attributes:
      r_drop: weight of the divergence of two passes with other dropout (Liang et al. 2021,
        https://arxiv.org/abs/2106.14448); about twice the time of a step. See RDropObjective.
      adversarial_epsilon: how far the embeddings of a text are moved uphill (Miyato et al. 2017,
        https://arxiv.org/abs/1605.07725), such as 0.2; about twice the time of a step. See
        AdversarialGradients.
      ema_decay: of exponential moving averages of the weights, which are scored, saved and exported
        in place of the weights. See WeightAverage.
      focal_gamma: lowers the loss of what is right already (Lin et al. 2017,
        https://arxiv.org/abs/1708.02002). See FocalObjective.
    """

    r_drop: float = 0.0
    adversarial_epsilon: float = 0.0
    ema_decay: float = 0.0
    focal_gamma: float = 0.0

    def problems(self) -> list[str]:
        """Returns what is wrong with the config, a sentence each; empty if all is well."""
        found = [
            f"{field} must be at least 0 and finite, got {getattr(self, field)}"
            for field in ("r_drop", "adversarial_epsilon", "focal_gamma")
            if not 0 <= getattr(self, field) < math.inf
        ]
        if not 0 <= self.ema_decay < 1:
            found.append(f"ema_decay must be in [0, 1), got {self.ema_decay}")
        return found

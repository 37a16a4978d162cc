"""What a fine-tuning config says about how much classes count. Imports no TensorFlow."""

import dataclasses
import math


@dataclasses.dataclass
class ClassesConfig:
    """How often the rows of a class are drawn, and which classes are trained harder.

    An epoch has as many rows as there are; how many of them are of a class is the same in every
    epoch, and over the epochs all rows of a class are drawn equally often.

    Attributes:
      sampling_exponent: a class of n rows has n**sampling_exponent shares of an epoch: 1 draws each
        row once, 0 every class equally often (Mikolov et al. 2018 have 0.5 for rare classes).
      effective_number_beta: a class of n rows has n (1 - beta) / (1 - beta**n) shares of an epoch
        (Cui et al. 2019, https://arxiv.org/abs/1901.05555); 0 is off.
      focus_classes: labels to be trained harder. How good each label was before and is now is
        printed at the end.
      focus_sampling: what the shares of these classes are multiplied by. Of multi-label rows, those
        with any of them.
      focus_loss_weight: what the weights of these labels in the loss are multiplied by.
      focus_compare: workdir of the earlier run that "before" means; "" is init_from, where that is
        a classifier of the same labels.
    """

    sampling_exponent: float = 1.0
    effective_number_beta: float = 0.0
    focus_classes: tuple[str, ...] = ()
    focus_sampling: float = 1.0
    focus_loss_weight: float = 1.0
    focus_compare: str = ""

    @property
    def balances(self) -> bool:
        """Whether classes are drawn otherwise than in proportion to their rows."""
        return self.sampling_exponent != 1 or self.effective_number_beta != 0

    def problems(self) -> list[str]:
        """Returns what is wrong with the config, a sentence each; empty if all is well."""
        found = []
        if not -1 <= self.sampling_exponent <= 2:
            found.append(f"sampling_exponent must be in [-1, 2], got {self.sampling_exponent}")
        if not 0 <= self.effective_number_beta < 1:
            found.append(
                f"effective_number_beta must be in [0, 1), got {self.effective_number_beta}"
            )
        if self.effective_number_beta and self.sampling_exponent != 1:
            found.append("give either sampling_exponent or effective_number_beta")
        for field in ("focus_sampling", "focus_loss_weight"):
            if not 0 < getattr(self, field) < math.inf:
                found.append(f"{field} must be over 0 and finite, got {getattr(self, field)}")
        return found + self._focus_problems()

    def _focus_problems(self) -> list[str]:
        given = {
            "focus_sampling": self.focus_sampling != 1,
            "focus_loss_weight": self.focus_loss_weight != 1,
            "focus_compare": bool(self.focus_compare),
        }
        if not self.focus_classes:
            return [
                f"{field} is given, but focus_classes names no label"
                for field, is_given in given.items()
                if is_given
            ]
        if given["focus_sampling"] or given["focus_loss_weight"]:
            return []
        return ["focus_classes need a focus_sampling or focus_loss_weight other than 1"]

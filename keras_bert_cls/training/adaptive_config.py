"""The config of an adaptive softmax. Imports no TensorFlow."""

import dataclasses
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from keras_bert_cls.training.config import FinetuneConfig, PretrainConfig


@dataclasses.dataclass
class AdaptiveConfig:
    """An adaptive softmax (Grave et al. 2017), where a model ends with one.

    Attributes:
      cutoffs: ranks by frequency at which the shortlist and each cluster but the last end, such as
        (2_000, 10_000); () for those that the paper's cost model finds for the training data.
      div_value: each cluster is narrower than the one before by this factor.
    """

    cutoffs: tuple[int, ...] = ()
    div_value: float = 4.0

    def problems(self) -> list[str]:
        """Returns what is wrong with the config, a sentence each; empty if all is well."""
        found = []
        if self.cutoffs and (
            self.cutoffs[0] < 1 or list(self.cutoffs) != sorted(set(self.cutoffs))
        ):
            found.append(f"cutoffs must increase from 1 or more on, got {self.cutoffs}")
        if not self.div_value >= 1:
            found.append(f"div_value must be at least 1, got {self.div_value}")
        return found


def adaptive_problems(
    config: "FinetuneConfig | PretrainConfig", is_adaptive: bool, field: str
) -> list[str]:
    """Returns what does not go with an adaptive softmax in a run, a sentence each.

    Args:
      config: the run's.
      is_adaptive: whether its model ends with one.
      field: what says so.
    """
    adaptive, found = config.adaptive, []
    if not is_adaptive:
        is_given = adaptive != AdaptiveConfig()
        return [f"--config.adaptive is given, but {field} is not 'adaptive'"] if is_given else []
    if config.train.jit_compile:
        found.append(
            "--config.train: jit_compile is not for an adaptive softmax: XLA would compute every "
            "cluster for all rows"
        )
    clusters, hidden_dim = max(1, len(adaptive.cutoffs)), config.encoder.hidden_dim
    if not config.init_from and hidden_dim < adaptive.div_value**clusters:
        found.append(
            f"--config.adaptive: {clusters} clusters with div_value {adaptive.div_value:g} need an "
            f"encoder.hidden_dim of {adaptive.div_value**clusters:g} or more, got {hidden_dim}"
        )
    return found

"""What a sweep is told, beside the config and the space. Imports no TensorFlow."""

import dataclasses

PRUNERS = ("median", "hyperband", "none")


@dataclasses.dataclass(frozen=True)
class SweepOptions:
    """How a sweep goes about.

    Attributes:
      trials: of the whole sweep, those of earlier calls included.
      workers: trials that run at once.
      pruner: "median" stops a trial whose best dev score is worse than half of the earlier ones had
        at the same evaluation; "hyperband" (Li et al. 2018, https://arxiv.org/abs/1603.06560)
        stops many early and few late; "none" lets all come to their end.
      seed: of the sampler.
      seeds: runs of each trial, with the training seeds config.seed, config.seed + 1, …; a trial's
        score is their mean. The first run alone can be pruned.
      keep_checkpoints: keep the weights of all trials, not only those of the best.
      max_restarts: how often a run that was killed goes on from its checkpoint.
      grace_seconds: how long a run has to save when it is to stop.
    """

    trials: int = 20
    workers: int = 1
    pruner: str = "median"
    seed: int = 0
    seeds: int = 1
    keep_checkpoints: bool = False
    max_restarts: int = 2
    grace_seconds: float = 60.0

"""The typed config of a multi-task run. Imports no TensorFlow."""

import dataclasses
import math
import re
from typing import Any

from keras_bert_cls.data.config import (
    ClassificationData,
    MaskingConfig,
    PretrainingData,
)
from keras_bert_cls.data.task_sampling import SamplingConfig
from keras_bert_cls.modeling.config import EncoderConfig
from keras_bert_cls.modeling.task_choice import MASKED_LM
from keras_bert_cls.training.config import (
    MEAN_METRIC,
    METRICS,
    FinetuneConfig,
    HeadConfig,
    PretrainConfig,
    TokenizerConfig,
    TrainConfig,
)
from keras_bert_cls.training.optimizer_config import OptimizerConfig

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
# Signatures of an export, and what their names end in; what layers of the encoder begin with, and
# what those of hierarchical heads end in.
_TAKEN = (
    *(MASKED_LM, "serving_default", "classify", "regress", "embed", "tokenize", "tokens"),
    *("token", "position", "segment", "embeddings", "block"),
)
_TAKEN_ENDS = ("_classify", "_regress", "_node")
# What a mean over tasks can be made of: more is better.
_USUAL_METRICS = {"single_label": "accuracy", "multi_label": "micro_f1", "regression": "pearson"}


@dataclasses.dataclass
class TaskConfig:
    """One of the tasks of a multi-task run.

    Attributes:
      name: letters, digits and _; names the task's signature of an export, its scores
        (NAME/accuracy) and the weights of its head (NAME_...), as the optimizer's rules match them.
      loss_weight: factor of the task's loss.
      metric: what of the task counts for the mean over tasks; "" for accuracy, micro_f1 of
        multi-label tasks, and pearson of regression.
    """

    name: str = ""
    data: ClassificationData = dataclasses.field(default_factory=ClassificationData)
    head: HeadConfig = dataclasses.field(default_factory=HeadConfig)
    loss_weight: float = 1.0
    metric: str = ""

    @property
    def mean_metric(self) -> str:
        """What counts for the mean over tasks."""
        return self.metric or _USUAL_METRICS[self.data.task]

    def problems(self) -> list[str]:
        """Returns what is wrong with the task itself, without its parts, a sentence each."""
        found = []
        if not _NAME.fullmatch(self.name):
            found.append(f"name must be of letters, digits and _, got {self.name!r}")
        elif self.name in _TAKEN or self.name.endswith(_TAKEN_ENDS):
            found.append(
                f"name {self.name!r} is taken, as are {', '.join(_TAKEN)} and names that end in "
                f"{' and '.join(_TAKEN_ENDS)}"
            )
        if not 0 < self.loss_weight < math.inf:
            found.append(f"loss_weight must be over 0 and finite, got {self.loss_weight}")
        return found


@dataclasses.dataclass
class AuxiliaryMaskedLM:
    """Masked language modelling on unlabelled text, beside the tasks.

    Attributes:
      share: of the updates that learn it; 0 for none. The other updates go to the tasks.
      data: the text; without packed and pair_objective. dev_files are scored beside the tasks'.
      loss_weight: factor of its loss.
    """

    share: float = 0.0
    data: PretrainingData = dataclasses.field(default_factory=PretrainingData)
    masking: MaskingConfig = dataclasses.field(default_factory=MaskingConfig)
    loss_weight: float = 1.0

    def problems(self) -> list[str]:
        """Returns what is wrong with the config, a sentence each; empty if all is well."""
        if not 0 <= self.share < 1:
            return [f"share must be in [0, 1), got {self.share}"]
        if not self.share:
            if self == AuxiliaryMaskedLM():
                return []
            return ["share is 0, so the other fields have no effect: give it, or none of them"]
        found = [f"data.{problem}" for problem in self.data.problems()]
        found += [f"masking.{problem}" for problem in self.masking.problems()]
        if not 0 < self.loss_weight < math.inf:
            found.append(f"loss_weight must be over 0 and finite, got {self.loss_weight}")
        found += [
            f"data.{field} must be {nothing!r} beside tasks, got {getattr(self.data, field)!r}"
            for field, nothing in (("packed", ""), ("pair_objective", "none"))
            if getattr(self.data, field) != nothing
        ]
        return found


@dataclasses.dataclass
class MultiTaskConfig:
    """A run in which several tasks share one encoder (Liu et al. 2019, MT-DNN,
    https://arxiv.org/abs/1901.11504): each update learns from rows of one of them.

    Attributes:
      seed: of weights, batches, the order of tasks, masking and dropout.
      init_from, init_layers, tokenizer, encoder: see FinetuneConfig.
      tasks: at least one. The first is the one that an export answers if none is named.
      sampling: how often each is learned.
      masked_lm: learned beside them.
      train: an epoch has as many updates of the tasks as they have batches together. metric is
        "mean" (over the tasks that have dev_files, of each one's metric) or TASK/METRIC.
    """

    seed: int = 0
    init_from: str = ""
    init_layers: tuple[int, ...] = ()
    tokenizer: TokenizerConfig = dataclasses.field(default_factory=TokenizerConfig)
    encoder: EncoderConfig = dataclasses.field(default_factory=EncoderConfig)
    tasks: tuple[TaskConfig, ...] = ()
    sampling: SamplingConfig = dataclasses.field(default_factory=SamplingConfig)
    masked_lm: AuxiliaryMaskedLM = dataclasses.field(default_factory=AuxiliaryMaskedLM)
    optimizer: OptimizerConfig = dataclasses.field(default_factory=OptimizerConfig)
    train: TrainConfig = dataclasses.field(default_factory=lambda: TrainConfig(epochs=3))

    @property
    def task(self) -> str:
        """What the model is trained for."""
        return "multitask"

    @property
    def data_parts(self) -> dict[str, Any]:
        """The data of the run by the field's name."""
        parts: dict[str, Any] = {f"tasks[{i}].data": t.data for i, t in enumerate(self.tasks)}
        return {**parts, "masked_lm.data": self.masked_lm.data} if self.masked_lm.share else parts

    @property
    def metrics(self) -> tuple[str, ...]:
        """What can choose the best checkpoint, the usual one first."""
        scored = [task for task in self.tasks if task.data.dev_files]
        known = [f"{task.name}/{metric}" for task in scored for metric in self.alone(task).metrics]
        if self.masked_lm.data.dev_files:
            known += [f"{MASKED_LM}/{metric}" for metric in METRICS[MASKED_LM]]
        return (MEAN_METRIC, *known)

    def alone(self, task: TaskConfig) -> FinetuneConfig:
        """Returns the run that would learn one task without the others."""
        return FinetuneConfig(
            seed=self.seed,
            init_from=self.init_from,
            init_layers=self.init_layers,
            tokenizer=self.tokenizer,
            data=task.data,
            encoder=self.encoder,
            head=task.head,
            optimizer=self.optimizer,
            train=dataclasses.replace(self.train, metric=""),
        )

    def masked_lm_alone(self) -> PretrainConfig:
        """Returns the run that would learn the masked LM without the tasks."""
        return PretrainConfig(
            seed=self.seed,
            init_from=self.init_from,
            init_layers=self.init_layers,
            tokenizer=self.tokenizer,
            data=self.masked_lm.data,
            masking=self.masked_lm.masking,
            encoder=self.encoder,
            optimizer=self.optimizer,
            train=dataclasses.replace(self.train, metric=""),
        )

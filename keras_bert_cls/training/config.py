"""The typed configs of runs. Imports no TensorFlow: `--help` and config files stay light."""

import dataclasses
from typing import Any

from keras_bert_cls.data.config import (
    ClassificationData,
    MaskingConfig,
    PretrainingData,
    choice_problem,
)
from keras_bert_cls.data.seq2seq_config import Seq2SeqData
from keras_bert_cls.modeling.config import EncoderConfig
from keras_bert_cls.modeling.decoder_config import DecoderConfig, GenerationConfig
from keras_bert_cls.modeling.document_config import DocumentConfig
from keras_bert_cls.modeling.head_settings import HEAD_KINDS
from keras_bert_cls.training.adaptive_config import AdaptiveConfig
from keras_bert_cls.training.aids_config import AidsConfig
from keras_bert_cls.training.classes_config import ClassesConfig
from keras_bert_cls.training.distillation_config import DistillationConfig
from keras_bert_cls.training.optimizer_config import OptimizerConfig

PRECISIONS = ("float32", "mixed_bfloat16", "mixed_float16")
CLASS_WEIGHTS = ("none", "balanced")
MASKED_LM_OUTPUTS = ("tied", "adaptive")
METRICS = {
    "masked_lm": ("loss", "masked_accuracy"),
    "single_label": ("accuracy", "macro_f1", "micro_f1", "mcc", "loss"),
    "multi_label": ("micro_f1", "macro_f1", "subset_accuracy", "loss"),
    "regression": ("loss", "mean_absolute_error", "pearson"),
    "seq2seq": ("loss", "token_accuracy"),
}
MEAN_METRIC = "mean"  # over the tasks of a multi-task run
PATH_METRICS = ("hierarchical_f1", "accuracy_level_1")
LEVEL_METRICS = ("quadratic_kappa", "mean_absolute_error")
LOWER_IS_BETTER = ("loss", "mean_absolute_error")


@dataclasses.dataclass
class TokenizerConfig:
    """The vocabulary and how text is normalised.

    Attributes:
      vocabulary: path of the vocabulary file.
      lowercase: lower-case and strip accents, as uncased BERT models do.
    """

    vocabulary: str = ""
    lowercase: bool = True


@dataclasses.dataclass
class TrainConfig:
    """The course of a run.

    Attributes:
      epochs: passes over the training data; 0 if `steps` says how long.
      steps: updates of the weights; 0 if `epochs` says how long.
      batch_size: rows of an update, on all devices together (the global batch).
      batch_size_per_device: rows that one device computes at once; then the global batch is this
        times `accumulation` times the devices, and batch_size is not looked at. 0 for batch_size.
      max_tokens_per_batch: rows times longest row of an update at most; 0 for no limit.
      accumulation: parts in which an update's gradient is computed, to save memory.
      precision: "float32", "mixed_bfloat16" or "mixed_float16".
      jit_compile: compile forward and backward pass with XLA; needs encoder.pack_tokens=False.
      steps_per_call: updates that run in the graph between two looks at the loss.
      log_every, eval_every, checkpoint_every: steps between; eval_every 0 is once an epoch, or with
        `steps` at a twentieth of them.
      keep_checkpoints: how many of the newest are kept, beside the best.
      metric: chooses the best checkpoint; "" for the task's usual one.
      patience: stop after this many evaluations without a better metric; 0 for never.
    """

    epochs: int = 0
    steps: int = 0
    batch_size: int = 32
    batch_size_per_device: int = 0
    max_tokens_per_batch: int = 0
    accumulation: int = 1
    precision: str = "float32"
    jit_compile: bool = False
    steps_per_call: int = 10
    log_every: int = 50
    eval_every: int = 0
    checkpoint_every: int = 500
    keep_checkpoints: int = 2
    metric: str = ""
    patience: int = 0

    def problems(self) -> list[str]:
        """Returns what is wrong with the config, a sentence each; empty if all is well."""
        found = choice_problem("precision", self.precision, PRECISIONS)
        if (self.epochs > 0) == (self.steps > 0):
            found.append(f"give either epochs or steps, got {self.epochs} and {self.steps}")
        for field in (
            "batch_size",
            "accumulation",
            "steps_per_call",
            "log_every",
            "checkpoint_every",
            "keep_checkpoints",
        ):
            if getattr(self, field) < 1:
                found.append(f"{field} must be at least 1, got {getattr(self, field)}")
        for field in (
            "epochs",
            "steps",
            "batch_size_per_device",
            "max_tokens_per_batch",
            "eval_every",
            "patience",
        ):
            if getattr(self, field) < 0:
                found.append(f"{field} must be at least 0, got {getattr(self, field)}")
        return found


@dataclasses.dataclass
class PretrainConfig:
    """A masked-language-model pretraining run.

    Attributes:
      seed: of weights, batches, masking and dropout.
      init_from: what to go on from, for example on text of another domain: workdir of an earlier
        run; or a checkpoint of Hugging Face, Google or keras-nlp, as bertcls-import takes it
        (Gururangan et al. 2020, https://arxiv.org/abs/2004.10964); "" starts from random weights.
      init_layers: see FinetuneConfig.
      tokenizer: not looked at with init_from: the earlier run's is used.
      encoder: with init_from only dropout, attention_dropout and pack_tokens are looked at.
      output: "tied", BERT's output layer: the token embedding; or "adaptive", an adaptive softmax
        with weights of its own, for large vocabularies.
      adaptive: its sizes, with "adaptive" only. Tokens are counted in the training data.
    """

    seed: int = 0
    init_from: str = ""
    init_layers: tuple[int, ...] = ()
    tokenizer: TokenizerConfig = dataclasses.field(default_factory=TokenizerConfig)
    data: PretrainingData = dataclasses.field(default_factory=PretrainingData)
    masking: MaskingConfig = dataclasses.field(default_factory=MaskingConfig)
    encoder: EncoderConfig = dataclasses.field(default_factory=EncoderConfig)
    output: str = "tied"
    adaptive: AdaptiveConfig = dataclasses.field(default_factory=AdaptiveConfig)
    optimizer: OptimizerConfig = dataclasses.field(default_factory=OptimizerConfig)
    train: TrainConfig = dataclasses.field(default_factory=lambda: TrainConfig(steps=10_000))

    @property
    def task(self) -> str:
        """What the model is trained for."""
        return "masked_lm"

    @property
    def data_parts(self) -> dict[str, Any]:
        """The data of the run by the field's name."""
        return {"data": self.data}

    @property
    def metrics(self) -> tuple[str, ...]:
        """What can choose the best checkpoint, the usual one first."""
        return METRICS.get(self.task, ())


@dataclasses.dataclass
class HeadConfig:
    """The classification head and its loss.

    Attributes:
      kind: "dense", a logit for each label; "hierarchical", a softmax at each node of the tree of
        labels that are paths (data.label_path_separator); "ordinal", one score and thresholds
        between levels (data.ordered_labels); or "adaptive", an adaptive softmax for 10^4 to 10^6
        labels (see `adaptive`).
      top_labels: an adaptive head answers with so many labels, the most probable ones.
      dropout: rate on the pooled output.
      label_smoothing: share of the target spread over all labels (Szegedy et al. 2016).
      class_weight: "none" or "balanced" (rows / (labels * rows of the label)).
      class_weights: (label, weight) of chosen labels; other labels keep what class_weight gives.
        Both weights and label_smoothing shape the training loss only, not that on dev and test.
    """

    kind: str = "dense"
    top_labels: int = 10
    dropout: float = 0.1
    label_smoothing: float = 0.0
    class_weight: str = "none"
    class_weights: tuple[tuple[str, float], ...] = ()

    def problems(self) -> list[str]:
        """Returns what is wrong with the config, a sentence each; empty if all is well."""
        found = choice_problem("kind", self.kind, HEAD_KINDS)
        if self.top_labels < 1:
            found.append(f"top_labels must be at least 1, got {self.top_labels}")
        if self.kind != "adaptive" and self.top_labels != HeadConfig.top_labels:
            found.append(f"top_labels is given, but kind {self.kind!r} answers with all labels")
        if self.kind == "adaptive" and self.label_smoothing:
            found.append("label_smoothing spreads over all labels, which 'adaptive' cannot")
        found += choice_problem("class_weight", self.class_weight, CLASS_WEIGHTS)
        if not 0 <= self.label_smoothing < 1:
            found.append(f"label_smoothing must be in [0, 1), got {self.label_smoothing}")
        if not 0 <= self.dropout < 1:
            found.append(f"dropout must be in [0, 1), got {self.dropout}")
        return found


@dataclasses.dataclass
class FinetuneConfig:
    """A fine-tuning run.

    Attributes:
      seed: of weights, batches and dropout.
      init_from: workdir of the run whose encoder, vocabulary and tokenizer settings are taken; or
        a checkpoint of Hugging Face, Google or keras-nlp, as bertcls-import takes it; "" starts
        from random weights.
      init_layers: blocks of the encoder of `init_from` that are taken, counted from 0, ascending;
        they make up the new, shallower encoder (Sanh et al. 2019, https://arxiv.org/abs/1910.01108,
        took every other one). () takes all.
      tokenizer: not looked at with init_from: the earlier run's is used.
      encoder: with init_from only dropout, attention_dropout and pack_tokens are looked at.
      documents: the windows in which texts are read that are longer than the encoder's positions;
        data.max_length is then the tokens of a whole text.
      adaptive: sizes of an adaptive head. Labels are counted in the training data.
    """

    seed: int = 0
    init_from: str = ""
    init_layers: tuple[int, ...] = ()
    tokenizer: TokenizerConfig = dataclasses.field(default_factory=TokenizerConfig)
    data: ClassificationData = dataclasses.field(default_factory=ClassificationData)
    encoder: EncoderConfig = dataclasses.field(default_factory=EncoderConfig)
    documents: DocumentConfig = dataclasses.field(default_factory=DocumentConfig)
    head: HeadConfig = dataclasses.field(default_factory=HeadConfig)
    adaptive: AdaptiveConfig = dataclasses.field(default_factory=AdaptiveConfig)
    optimizer: OptimizerConfig = dataclasses.field(default_factory=OptimizerConfig)
    train: TrainConfig = dataclasses.field(default_factory=lambda: TrainConfig(epochs=3))
    distillation: DistillationConfig = dataclasses.field(default_factory=DistillationConfig)
    classes: ClassesConfig = dataclasses.field(default_factory=ClassesConfig)
    aids: AidsConfig = dataclasses.field(default_factory=AidsConfig)

    @property
    def task(self) -> str:
        """What the model is trained for."""
        return self.data.task

    @property
    def data_parts(self) -> dict[str, Any]:
        """The data of the run by the field's name."""
        return {"data": self.data}

    @property
    def metrics(self) -> tuple[str, ...]:
        """What can choose the best checkpoint, the usual one first."""
        by_path = PATH_METRICS if self.data.label_path_separator else ()
        by_level = LEVEL_METRICS if self.data.ordered_labels else ()
        return METRICS.get(self.task, ()) + by_path + by_level


@dataclasses.dataclass
class Seq2SeqConfig:
    """A run that trains a model to write a text for a text.

    Attributes:
      seed: of weights, batches and dropout.
      init_from: what the encoder starts from; see FinetuneConfig. A run of this kind gives its
        decoder too, where the sizes are the same.
      init_layers: see FinetuneConfig.
      tokenizer: not looked at with init_from: the earlier run's is used.
      encoder: with init_from only dropout, attention_dropout and pack_tokens are looked at.
      generation: how outputs are chosen, when scores are made and by the finished model.
      label_smoothing: share of the target spread over the vocabulary (Szegedy et al. 2016). It
        shapes the training loss only, not that on dev and test.
    """

    seed: int = 0
    init_from: str = ""
    init_layers: tuple[int, ...] = ()
    tokenizer: TokenizerConfig = dataclasses.field(default_factory=TokenizerConfig)
    data: Seq2SeqData = dataclasses.field(default_factory=Seq2SeqData)
    encoder: EncoderConfig = dataclasses.field(default_factory=EncoderConfig)
    decoder: DecoderConfig = dataclasses.field(default_factory=DecoderConfig)
    generation: GenerationConfig = dataclasses.field(default_factory=GenerationConfig)
    label_smoothing: float = 0.1
    optimizer: OptimizerConfig = dataclasses.field(default_factory=OptimizerConfig)
    train: TrainConfig = dataclasses.field(default_factory=lambda: TrainConfig(epochs=3))

    @property
    def task(self) -> str:
        """What the model is trained for."""
        return "seq2seq"

    @property
    def data_parts(self) -> dict[str, Any]:
        """The data of the run by the field's name."""
        return {"data": self.data}

    @property
    def metrics(self) -> tuple[str, ...]:
        """What can choose the best checkpoint, the usual one first."""
        return METRICS.get(self.task, ())

"""Fine-tuning a classifier on labelled text."""

import dataclasses
import functools
import os
from collections.abc import Callable

import keras
import numpy as np

from keras_bert_cls.data.batch_plan import BatchPlan
from keras_bert_cls.data.batch_source import BatchSource
from keras_bert_cls.data.batches import ClassificationBatches
from keras_bert_cls.data.store_batches import StoreBatches
from keras_bert_cls.data.targets import read_labels
from keras_bert_cls.data.token_store import TokenStore
from keras_bert_cls.modeling.head_settings import HeadSettings
from keras_bert_cls.modeling.models import classifier_model
from keras_bert_cls.modeling.trained_model import ModelSettings, TrainedModel
from keras_bert_cls.training.class_weights import class_weights
from keras_bert_cls.training.config import FinetuneConfig
from keras_bert_cls.training.data_report import data_report
from keras_bert_cls.training.distillation import Teacher
from keras_bert_cls.training.evaluation import Evaluator
from keras_bert_cls.training.held_out import classification_evaluator
from keras_bert_cls.training.metrics import Scores
from keras_bert_cls.training.objectives import (
    DistillationObjective,
    MultiLabelObjective,
    Objective,
    RegressionObjective,
    SingleLabelObjective,
)
from keras_bert_cls.training.run_directory import RunDirectory
from keras_bert_cls.training.run_options import RunOptions
from keras_bert_cls.training.scored_run import Report, ScoredModel, ScoredTask, scored_run
from keras_bert_cls.training.split_reading import SplitReader
from keras_bert_cls.training.starting_point import StartingPoint, starting_point
from keras_bert_cls.training.workers import Workers

_DEFAULT_OPTIONS = RunOptions()


def finetune(
    config: FinetuneConfig,
    workdir: str | os.PathLike,
    report: Callable[[str], None] = lambda text: None,
    options: RunOptions = _DEFAULT_OPTIONS,
) -> ScoredModel | None:
    """Trains a classifier; resumes a run that was stopped, and leaves a finished one as it is.

    Args:
      config: what to train.
      workdir: the run's folder; holds a TrainedModel at the end. Workers on other machines may
        share it, or have folders of their own for the data that they read.
      report: is told what was skipped, left out and truncated.
      options: the devices, and what the run tells about itself.

    Returns:
      The model and its scores; None on workers other than the chief.

    Raises:
      UserError: the config, the data, the folder or an option is wrong. PreemptedError and
        PeerLostError, which are such errors, say that the same call resumes.
    """
    return scored_run(config, workdir, functools.partial(_prepare, config), report, options)


@dataclasses.dataclass(frozen=True)
class _Finetuning(ScoredTask):
    """What a run learns, once its data is read.

    Attributes:
      config: the run's config.
      start: where it starts.
      labels: names of the logits; empty for regression.
      stores: the rows of each split.
      teacher_logits: float32 [training rows, logits]; None without a teacher.
    """

    config: FinetuneConfig
    start: StartingPoint
    labels: tuple[str, ...]
    stores: dict[str, TokenStore]
    teacher_logits: np.ndarray | None

    def build_model(self) -> keras.Model:
        head, num_logits = self.config.head, max(1, len(self.labels))
        model = classifier_model(
            self.start.encoder, num_logits, head.dropout, head=HeadSettings(head.kind)
        )
        return self.start.give_weights(model)

    def objective(self) -> Objective:
        config = self.config
        hard = _hard_objective(config, self.labels, self.stores["train"])
        if self.teacher_logits is None:
            return hard
        soft = config.distillation
        return DistillationObjective(hard, config.task, soft.weight, soft.temperature)

    def source(self, rows: int) -> BatchSource:
        store, train = self.stores["train"], self.config.train
        plan = BatchPlan(
            store.lengths("token_ids"), rows, train.max_tokens_per_batch, self.config.seed
        )
        vocabulary, num_logits = self.start.tokenizer.vocabulary, max(1, len(self.labels))
        batches = ClassificationBatches(store, vocabulary, num_logits, self.teacher_logits)
        return StoreBatches(store, plan, batches)

    def dev_evaluator(self, model: keras.Model) -> Evaluator:
        return self._evaluator(model, "dev")

    def trained(self, model: keras.Model) -> TrainedModel:
        tokenizer, data = self.start.tokenizer, self.config.data
        settings = ModelSettings(
            task=self.config.task,
            labels=self.labels,
            text_pair=data.text_pair_column is not None,
            max_length=data.max_length,
            lowercase=tokenizer.lowercase,
            strip_accents=tokenizer.strip_accents,
            head=self.config.head.kind,
        )
        return TrainedModel(model, tokenizer, settings)

    def score(self, trained: TrainedModel, split: str) -> Scores:
        return self._evaluator(trained.model, split)()

    def _evaluator(self, model: keras.Model, split: str) -> Evaluator:
        return classification_evaluator(
            model,
            self.stores[split],
            self.start.tokenizer.vocabulary,
            self.config.task,
            self.labels,
            self.config.train.batch_size,
        )


def _prepare(
    config: FinetuneConfig, run: RunDirectory, workers: Workers, report: Report
) -> _Finetuning:
    """Reads the data, and asks the teacher about it if there is one."""
    start, labels = starting_point(config), read_labels(config.data)
    teacher = Teacher.load(config, labels) if config.distillation.teacher else None
    reader = SplitReader(run, config, labels, workers.index)
    stores = workers.chief_first(lambda: reader.read_all(start.tokenizer))
    for split, store in stores.items():
        report(data_report(split, store))
    logits = None
    if teacher is not None:
        logits = workers.chief_first(lambda: teacher.logits_of(reader, stores["train"], report))
    return _Finetuning(config, start, labels.names if labels else (), stores, logits)


def _hard_objective(
    config: FinetuneConfig, labels: tuple[str, ...], store: TokenStore
) -> Objective:
    if config.task == "regression":
        return RegressionObjective()
    rows = len(store) - store.description.get("unlabelled", 0)
    targets = np.asarray(store.values("target"))
    if config.task == "single_label" and "labelled" in store:
        targets = targets[store.values("labelled") > 0]
    weights = class_weights(config.head, labels, targets, rows)
    kind = {"single_label": SingleLabelObjective, "multi_label": MultiLabelObjective}[config.task]
    return kind(config.head.label_smoothing, weights)

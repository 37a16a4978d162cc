"""Fine-tuning a classifier on labelled text."""

import dataclasses
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
from keras_bert_cls.modeling.models import classifier_model
from keras_bert_cls.modeling.trained_model import ModelSettings, TrainedModel
from keras_bert_cls.training.class_weights import class_weights
from keras_bert_cls.training.config import FinetuneConfig
from keras_bert_cls.training.config_check import check_config
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
from keras_bert_cls.training.run import RunParts, open_workers, train
from keras_bert_cls.training.run_directory import RunDirectory
from keras_bert_cls.training.run_options import RunOptions
from keras_bert_cls.training.scores_file import read_scores, write_scores
from keras_bert_cls.training.split_reading import SPLITS, SplitReader
from keras_bert_cls.training.starting_point import StartingPoint, starting_point
from keras_bert_cls.training.workers import Workers

_DEFAULT_OPTIONS = RunOptions()


@dataclasses.dataclass
class FinetuneResult:
    """A fine-tuned model and how good it is.

    Attributes:
      trained: the model.
      scores: by split ("dev", "test").
    """

    trained: TrainedModel
    scores: dict[str, Scores]


def finetune(
    config: FinetuneConfig,
    workdir: str | os.PathLike,
    report: Callable[[str], None] = lambda text: None,
    options: RunOptions = _DEFAULT_OPTIONS,
) -> FinetuneResult | None:
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
    check_config(config)
    with open_workers(options) as workers:
        report = report if workers.is_chief else lambda text: None
        run = workers.chief_first(lambda: RunDirectory.open(workdir, config))
        if workers.from_chief(run.is_finished and run.scores.exists()):
            report(f"{run.path} holds the finished run of this config: there is nothing left to do")
            return workers.on_chief(
                lambda: FinetuneResult(TrainedModel.load(run.path), read_scores(run.scores))
            )
        finetuning = _prepare(config, run, workers, report)
        model = train(
            RunParts(
                directory=run,
                config=config,
                options=options,
                workers=workers,
                build_model=finetuning.build_model,
                objective=finetuning.objective(),
                source=finetuning.source,
                evaluator=finetuning.dev_evaluator if "dev" in finetuning.stores else None,
            )
        )
        return workers.on_chief(lambda: finetuning.finish(run, model))


@dataclasses.dataclass(frozen=True)
class _Finetuning:
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
        """Makes the model with its first weights."""
        num_logits = max(1, len(self.labels))
        model = classifier_model(self.start.encoder, num_logits, self.config.head.dropout)
        return self.start.give_weights(model)

    def objective(self) -> Objective:
        """Returns what is minimised."""
        config = self.config
        hard = _hard_objective(config, self.labels, self.stores["train"])
        if self.teacher_logits is None:
            return hard
        soft = config.distillation
        return DistillationObjective(hard, config.task, soft.weight, soft.temperature)

    def source(self, rows: int) -> BatchSource:
        """Returns the training batches, given the rows of a global batch."""
        store, train = self.stores["train"], self.config.train
        plan = BatchPlan(
            store.lengths("token_ids"), rows, train.max_tokens_per_batch, self.config.seed
        )
        vocabulary, num_logits = self.start.tokenizer.vocabulary, max(1, len(self.labels))
        batches = ClassificationBatches(store, vocabulary, num_logits, self.teacher_logits)
        return StoreBatches(store, plan, batches)

    def dev_evaluator(self, model: keras.Model) -> Evaluator:
        """Returns what scores a model on dev."""
        return self._evaluator(model, "dev")

    def finish(self, run: RunDirectory, model: keras.Model | None) -> FinetuneResult:
        """Scores the finished model and saves it."""
        assert model is not None  # on the chief
        tokenizer, data = self.start.tokenizer, self.config.data
        settings = ModelSettings(
            task=self.config.task,
            labels=self.labels,
            text_pair=data.text_pair_column is not None,
            max_length=data.max_length,
            lowercase=tokenizer.lowercase,
            strip_accents=tokenizer.strip_accents,
        )
        trained = TrainedModel(model, tokenizer, settings)
        held_out = [split for split in SPLITS[1:] if split in self.stores]
        scores = {split: self._evaluator(model, split)() for split in held_out}
        write_scores(run.scores, scores)
        trained.save(run.path)
        return FinetuneResult(trained, scores)

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
    config: FinetuneConfig,
    run: RunDirectory,
    workers: Workers,
    report: Callable[[str], None],
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

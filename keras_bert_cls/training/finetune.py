"""Fine-tuning a classifier on labelled text."""

import dataclasses
import functools
import os
from collections.abc import Callable, Collection

import keras
import numpy as np

from keras_bert_cls.data.batch_source import BatchSource
from keras_bert_cls.data.targets import read_labels
from keras_bert_cls.modeling.document_encoder import document_encoder
from keras_bert_cls.modeling.encoder import build_encoder
from keras_bert_cls.modeling.models import classifier_model
from keras_bert_cls.modeling.trained_model import TrainedModel
from keras_bert_cls.training.aids import compared
from keras_bert_cls.training.before import run_before, score_earlier
from keras_bert_cls.training.config import FinetuneConfig
from keras_bert_cls.training.data_report import data_report
from keras_bert_cls.training.distillation import Teacher
from keras_bert_cls.training.distillation_objective import DistillationObjective
from keras_bert_cls.training.evaluation import Evaluator
from keras_bert_cls.training.labelled_task import LabelledTask
from keras_bert_cls.training.metrics import Scores
from keras_bert_cls.training.objectives import Objective
from keras_bert_cls.training.pseudo_labels import judge_rows
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
      start: where it starts.
      task: with the run's config and its rows.
      reader: of the splits.
      teacher_logits: float32 [training rows, logits]; None without soft labels.
      before: what the scores are compared with; None for nothing.
    """

    start: StartingPoint
    task: LabelledTask
    reader: SplitReader
    teacher_logits: np.ndarray | None = None
    before: TrainedModel | None = None

    @property
    def splits(self) -> Collection[str]:
        return self.task.stores.keys()

    def build_model(self) -> keras.Model:
        encoder, documents = build_encoder(self.start.encoder), self.task.config.documents
        if documents.window_length:
            encoder = document_encoder(encoder, documents)
        head = self.task.head(self.start.encoder.hidden_dim)
        model = classifier_model(encoder, head.num_labels, head.dropout, head=head.settings)
        return self.start.give_weights(model)

    def objective(self) -> Objective:
        config, objective = self.task.config, self.task.objective()
        if self.teacher_logits is not None:
            soft = config.distillation
            objective = DistillationObjective(objective, config.task, soft.weight, soft.temperature)
        return compared(config, objective)

    def source(self, rows: int) -> BatchSource:
        return self.task.batches(rows, self.teacher_logits)

    def dev_evaluator(self, model: keras.Model) -> Evaluator:
        return self.task.evaluator(model, "dev")

    def trained(self, model: keras.Model) -> TrainedModel:
        return TrainedModel(model, self.start.tokenizer, self.task.settings())

    def score(self, trained: TrainedModel, split: str) -> Scores:
        return self.task.evaluator(trained.model, split)()

    def score_before(self, split: str) -> Scores | None:
        if self.before is None:
            return None
        return score_earlier(self.before, self.reader, split, self.task.config.train.batch_size)


def _prepare(
    config: FinetuneConfig, run: RunDirectory, workers: Workers, report: Report
) -> _Finetuning:
    """Reads the data, and asks the teacher about it if there is one."""
    start, labels = starting_point(config), read_labels(config.data)
    teacher = Teacher.load(config, labels) if config.distillation.teacher else None
    before = run_before(config, labels, report) if workers.is_chief else None
    reader = SplitReader(run, config, labels, workers.index)
    stores = workers.chief_first(lambda: reader.read_all(start.tokenizer))
    for split, store in stores.items():
        report(data_report(split, store))
    names = labels.names if labels else ()
    task = LabelledTask(config, start.tokenizer, names, stores)
    if teacher is None:
        return _Finetuning(start, task, reader, before=before)
    logits = workers.chief_first(lambda: teacher.logits_of(reader, stores["train"], report))
    if not config.distillation.pseudo_confidence:
        return _Finetuning(start, task, reader, logits, before)
    judged = judge_rows(stores["train"], logits, config.task, config.distillation, report)
    return _Finetuning(start, dataclasses.replace(task, judged=judged), reader, before=before)

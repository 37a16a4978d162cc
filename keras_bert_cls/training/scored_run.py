"""Runs that end with scores on held-out rows: what fine-tuning and text-to-text training share."""

import abc
import dataclasses
import os
from collections.abc import Callable, Collection

import keras

from keras_bert_cls.data.batch_source import BatchSource
from keras_bert_cls.modeling.trained_model import TrainedModel
from keras_bert_cls.training.config_check import check_config
from keras_bert_cls.training.metrics import Scores
from keras_bert_cls.training.objectives import Objective
from keras_bert_cls.training.run import RunParts, open_workers, train
from keras_bert_cls.training.run_config import RunConfig
from keras_bert_cls.training.run_directory import RunDirectory
from keras_bert_cls.training.run_options import RunOptions
from keras_bert_cls.training.scores_file import read_scores, write_scores
from keras_bert_cls.training.splits import SPLITS
from keras_bert_cls.training.workers import Workers

Report = Callable[[str], None]


@dataclasses.dataclass
class ScoredModel:
    """A trained model and how good it is.

    Attributes:
      trained: the model.
      scores: by split ("dev", "test").
      before: an earlier model's scores on the same splits; empty if there is none to compare with.
    """

    trained: TrainedModel
    scores: dict[str, Scores]
    before: dict[str, Scores] = dataclasses.field(default_factory=dict)


class ScoredTask(abc.ABC):
    """What a run learns, once its data is read."""

    @property
    @abc.abstractmethod
    def splits(self) -> Collection[str]:
        """The splits whose rows the worker has."""

    @abc.abstractmethod
    def build_model(self) -> keras.Model:
        """Makes the model with its first weights."""

    @abc.abstractmethod
    def objective(self) -> Objective:
        """Returns what is minimised."""

    @abc.abstractmethod
    def source(self, rows: int) -> BatchSource:
        """Returns the training batches, given the rows of a global batch."""

    @abc.abstractmethod
    def dev_evaluator(self, model: keras.Model) -> Callable[[], Scores]:
        """Returns what scores a model on dev."""

    @abc.abstractmethod
    def trained(self, model: keras.Model) -> TrainedModel:
        """Returns a finished model with its tokenizer and settings."""

    @abc.abstractmethod
    def score(self, trained: TrainedModel, split: str) -> Scores:
        """Scores the finished model on the rows of a split."""

    def score_before(self, split: str) -> Scores | None:
        """Scores the model that this one is compared with; None if there is none."""
        return None


def scored_run(
    config: RunConfig,
    workdir: str | os.PathLike,
    prepare: Callable[[RunDirectory, Workers, Report], ScoredTask],
    report: Report,
    options: RunOptions,
) -> ScoredModel | None:
    """Trains and scores; resumes a run that was stopped, and leaves a finished one as it is.

    Args:
      config: what to train.
      workdir: the run's folder.
      prepare: reads the data.
      report: is told what was skipped, left out and truncated.
      options: the devices, and what the run tells about itself.

    Returns:
      The model and its scores; None on workers other than the chief.
    """
    check_config(config)
    with open_workers(options) as workers:
        report = report if workers.is_chief else lambda text: None
        run = workers.chief_first(lambda: RunDirectory.open(workdir, config))
        if workers.from_chief(run.is_finished and run.scores.exists()):
            report(f"{run.path} holds the finished run of this config: there is nothing left to do")
            return workers.on_chief(lambda: _finished(run))
        task = prepare(run, workers, report)
        model = train(
            RunParts(
                directory=run,
                config=config,
                options=options,
                workers=workers,
                build_model=task.build_model,
                objective=task.objective(),
                source=task.source,
                evaluator=task.dev_evaluator if "dev" in task.splits else None,
            )
        )
        return workers.on_chief(lambda: _finish(run, task, model))


def _finish(run: RunDirectory, task: ScoredTask, model: keras.Model | None) -> ScoredModel:
    assert model is not None  # on the chief
    trained = task.trained(model)
    held_out = [split for split in SPLITS if split != "train" and split in task.splits]
    before = {split: task.score_before(split) for split in held_out}
    known = {split: scores for split, scores in before.items() if scores is not None}
    if known:
        write_scores(run.scores_before, known)
    scores = {split: task.score(trained, split) for split in held_out}
    write_scores(run.scores, scores)
    trained.save(run.path)
    return ScoredModel(trained, scores, known)


def _finished(run: RunDirectory) -> ScoredModel:
    before = read_scores(run.scores_before) if run.scores_before.exists() else {}
    return ScoredModel(TrainedModel.load(run.path), read_scores(run.scores), before)

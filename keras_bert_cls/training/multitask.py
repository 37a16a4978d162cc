"""Training several tasks on one encoder."""

import contextlib
import dataclasses
import functools
import math
import os
from collections.abc import Callable, Collection, Iterator, Mapping

import keras
import numpy as np

from keras_bert_cls.data.batch_plan import BatchPlan
from keras_bert_cls.data.batch_source import BatchSource
from keras_bert_cls.data.batches import PretrainingBatches
from keras_bert_cls.data.masking import TokenMasker
from keras_bert_cls.data.store_batches import StoreBatches
from keras_bert_cls.data.targets import read_labels
from keras_bert_cls.data.task_batches import TaskBatches
from keras_bert_cls.data.task_sampling import TaskDraws
from keras_bert_cls.data.token_store import TokenStore
from keras_bert_cls.errors import UserError
from keras_bert_cls.modeling.multitask import multitask_model, task_model
from keras_bert_cls.modeling.task_choice import MASKED_LM
from keras_bert_cls.modeling.trained_model import ModelSettings, TrainedModel
from keras_bert_cls.training.config import MEAN_METRIC
from keras_bert_cls.training.data_report import data_report
from keras_bert_cls.training.evaluation import Evaluator
from keras_bert_cls.training.held_out import masked_lm_evaluator
from keras_bert_cls.training.labelled_task import LabelledTask
from keras_bert_cls.training.metrics import Scores
from keras_bert_cls.training.multitask_config import MultiTaskConfig, TaskConfig
from keras_bert_cls.training.multitask_objective import MultiTaskObjective, WeightedObjective
from keras_bert_cls.training.objectives import MaskedLMObjective, Objective
from keras_bert_cls.training.run_directory import RunDirectory
from keras_bert_cls.training.run_options import RunOptions
from keras_bert_cls.training.scored_run import Report, ScoredModel, ScoredTask, scored_run
from keras_bert_cls.training.split_reading import SplitReader
from keras_bert_cls.training.splits import SPLITS
from keras_bert_cls.training.starting_point import StartingPoint, starting_point
from keras_bert_cls.training.text_reading import read_text
from keras_bert_cls.training.workers import Workers

_DEFAULT_OPTIONS = RunOptions()


def train_multitask(
    config: MultiTaskConfig,
    workdir: str | os.PathLike,
    report: Callable[[str], None] = lambda text: None,
    options: RunOptions = _DEFAULT_OPTIONS,
) -> ScoredModel | None:
    """Trains several tasks; resumes a run that was stopped, and leaves a finished one as it is.

    Args:
      config: what to train.
      workdir: the run's folder; holds a TrainedModel at the end. Workers on other machines may
        share it, or have folders of their own for the data that they read.
      report: is told what was skipped, left out and truncated.
      options: the devices, and what the run tells about itself.

    Returns:
      The model and its scores, TASK/METRIC and their mean; None on workers other than the chief.

    Raises:
      UserError: the config, the data, the folder or an option is wrong. PreemptedError and
        PeerLostError, which are such errors, say that the same call resumes.
    """
    return scored_run(config, workdir, functools.partial(_prepare, config), report, options)


@dataclasses.dataclass(frozen=True)
class _MultiTask(ScoredTask):
    """What a run learns, once its data is read.

    Attributes:
      config: the run's config.
      start: where it starts.
      tasks: by name.
      text: of the masked LM by split; empty without one.
    """

    config: MultiTaskConfig
    start: StartingPoint
    tasks: Mapping[str, LabelledTask]
    text: Mapping[str, TokenStore]

    @property
    def splits(self) -> Collection[str]:
        return {split for task in self.tasks.values() for split in task.stores}

    def build_model(self) -> keras.Model:
        hidden_dim = self.start.encoder.hidden_dim
        heads = {name: task.head(hidden_dim) for name, task in self.tasks.items()}
        model = multitask_model(self.start.encoder, heads, masked_lm=bool(self.text))
        return self.start.give_weights(model)

    def objective(self) -> Objective:
        weights = {task.name: task.loss_weight for task in self.config.tasks}
        weighted = {}
        for name, task in self.tasks.items():
            with _named(name):
                weighted[name] = WeightedObjective(task.objective(), weights[name])
        if self.text:
            weight = self.config.masked_lm.loss_weight
            weighted[MASKED_LM] = WeightedObjective(MaskedLMObjective(), weight)
        return MultiTaskObjective(weighted)

    def source(self, rows: int) -> BatchSource:
        config = self.config
        batches = {name: task.batches(rows) for name, task in self.tasks.items()}
        share = config.masked_lm.share
        # The updates of the masked LM come on top of those of the tasks.
        labelled = sum(each.steps_in_epoch(0) for each in batches.values())
        epoch = math.ceil(labelled / (1 - share))
        draws = TaskDraws(
            sizes=tuple(len(each.store) for each in batches.values()),
            sampling=config.sampling,
            steps=config.train.steps or epoch * config.train.epochs,
            seed=config.seed,
            extra_share=share,
        )
        if self.text:
            batches[MASKED_LM] = self._text_batches(self.text["train"], rows)
        return TaskBatches(batches, draws, epoch)

    def dev_evaluator(self, model: keras.Model) -> Callable[[], Scores]:
        return functools.partial(_joint_scores, self._evaluators(model, "dev"), self._metrics())

    def trained(self, model: keras.Model) -> TrainedModel:
        tasks = {name: task.settings() for name, task in self.tasks.items()}
        tokenizer = self.start.tokenizer
        settings = ModelSettings(
            task=self.config.task,
            max_length=max(task.max_length for task in tasks.values()),
            lowercase=tokenizer.lowercase,
            strip_accents=tokenizer.strip_accents,
            tasks=tasks,
        )
        return TrainedModel(model, tokenizer, settings)

    def score(self, trained: TrainedModel, split: str) -> Scores:
        return _joint_scores(self._evaluators(trained.model, split), self._metrics())

    def _evaluators(self, model: keras.Model, split: str) -> dict[str, Evaluator]:
        found = {
            name: task.evaluator(task_model(model, name), split)
            for name, task in self.tasks.items()
            if split in task.stores
        }
        if split == "dev" and split in self.text:
            found[MASKED_LM] = masked_lm_evaluator(
                task_model(model, MASKED_LM),
                self.text[split],
                self.start.tokenizer.vocabulary,
                self.config.masked_lm_alone(),
                self.config.train.batch_size,
            )
        return found

    def _metrics(self) -> dict[str, str]:
        return {task.name: task.mean_metric for task in self.config.tasks}

    def _text_batches(self, store: TokenStore, rows: int) -> StoreBatches:
        config, vocabulary = self.config, self.start.tokenizer.vocabulary
        limit = config.train.max_tokens_per_batch
        return StoreBatches(
            store,
            BatchPlan(store.lengths("token_ids"), rows, limit, config.seed),
            PretrainingBatches(store, vocabulary, seed=config.seed),
            TokenMasker(vocabulary, config.masked_lm.masking),
        )


def _joint_scores(evaluators: Mapping[str, Evaluator], metrics: Mapping[str, str]) -> Scores:
    """Returns all scores as TASK/METRIC, the mean of `metrics`, and labels as TASK/LABEL."""
    found = {name: evaluate() for name, evaluate in evaluators.items()}
    values = {
        f"{name}/{metric}": value
        for name, scores in found.items()
        for metric, value in scores.values.items()
    }
    counted = [found[name].values[metric] for name, metric in metrics.items() if name in found]
    mean = float(np.mean(counted))
    labels = [
        dataclasses.replace(score, label=f"{name}/{score.label}")
        for name, scores in found.items()
        for score in scores.labels
    ]
    return Scores({MEAN_METRIC: mean, **values}, tuple(labels))


def _prepare(
    config: MultiTaskConfig, run: RunDirectory, workers: Workers, report: Report
) -> _MultiTask:
    """Reads the data."""
    start = starting_point(config)
    tasks = {}
    for task in config.tasks:
        with _named(task.name):
            tasks[task.name] = _read_task(config, task, start, run, workers, report)
    text = {}
    if config.masked_lm.share:
        text = read_text(run, config.masked_lm.data, start.tokenizer, workers, MASKED_LM)
    for split, store in text.items():
        report(data_report(f"{MASKED_LM} {split}", store))
    return _MultiTask(config, start, tasks, text)


def _read_task(
    config: MultiTaskConfig,
    task: TaskConfig,
    start: StartingPoint,
    run: RunDirectory,
    workers: Workers,
    report: Report,
) -> LabelledTask:
    alone, labels = config.alone(task), read_labels(task.data)
    reader = SplitReader(run, alone, labels, workers.index, folder=task.name)
    stores = workers.chief_first(lambda: reader.read_all(start.tokenizer))
    for split in SPLITS:
        if split in stores:
            report(data_report(f"{task.name} {split}", stores[split]))
    return LabelledTask(alone, start.tokenizer, labels.names if labels else (), stores)


@contextlib.contextmanager
def _named(task: str) -> Iterator[None]:
    """Says in errors which task they are about."""
    try:
        yield
    except UserError as error:
        if type(error) is not UserError:  # Subclasses tell of the run as a whole.
            raise
        raise UserError(f"task {task}: {error}") from error

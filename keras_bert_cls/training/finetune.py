"""Fine-tuning a classifier on labelled text."""

import dataclasses
import os
import pathlib
from collections.abc import Callable

import keras
import numpy as np

from keras_bert_cls.data.batch_plan import BatchPlan
from keras_bert_cls.data.batch_source import BatchSource
from keras_bert_cls.data.batches import ClassificationBatches
from keras_bert_cls.data.classification_rows import (
    build_classification_store,
    held_out_texts,
    read_labels,
)
from keras_bert_cls.data.fingerprint import fingerprint, reuse_or_build
from keras_bert_cls.data.labels import LabelSet
from keras_bert_cls.data.store_batches import StoreBatches
from keras_bert_cls.data.token_store import TokenStore
from keras_bert_cls.modeling.models import classifier_model
from keras_bert_cls.modeling.trained_model import ModelSettings, TrainedModel
from keras_bert_cls.text.tokenizer import Tokenizer
from keras_bert_cls.training.class_weights import class_weights
from keras_bert_cls.training.config import FinetuneConfig
from keras_bert_cls.training.config_check import check_config
from keras_bert_cls.training.data_report import data_report
from keras_bert_cls.training.evaluation import Evaluator
from keras_bert_cls.training.held_out import classification_evaluator
from keras_bert_cls.training.metrics import Scores
from keras_bert_cls.training.objectives import (
    MultiLabelObjective,
    Objective,
    RegressionObjective,
    SingleLabelObjective,
)
from keras_bert_cls.training.run import RunParts, open_workers, train
from keras_bert_cls.training.run_directory import RunDirectory
from keras_bert_cls.training.run_options import RunOptions
from keras_bert_cls.training.scores_file import read_scores, write_scores
from keras_bert_cls.training.starting_point import StartingPoint, starting_point
from keras_bert_cls.training.workers import Workers

SPLITS = ("train", "dev", "test")
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
        start, labels = starting_point(config), read_labels(config.data)
        names = labels.names if labels else ()
        stores = _stores(run, config, start.tokenizer, labels, workers)
        for split, store in stores.items():
            report(data_report(split, store))

        def evaluator(model: keras.Model, split: str) -> Evaluator:
            vocabulary, batch_size = start.tokenizer.vocabulary, config.train.batch_size
            return classification_evaluator(
                model, stores[split], vocabulary, config.task, names, batch_size
            )

        model = train(
            RunParts(
                directory=run,
                config=config,
                options=options,
                workers=workers,
                build_model=lambda: _build_model(config, start, len(names)),
                objective=_objective(config, names, stores["train"]),
                source=lambda rows: _source(config, start, stores["train"], len(names), rows),
                evaluator=(lambda model: evaluator(model, "dev")) if "dev" in stores else None,
            )
        )

        def finish() -> FinetuneResult:
            assert model is not None  # on the chief
            trained = TrainedModel(
                model, start.tokenizer, _settings(config, names, start.tokenizer)
            )
            scores = {split: evaluator(model, split)() for split in SPLITS[1:] if split in stores}
            write_scores(run.scores, scores)
            trained.save(run.path)
            return FinetuneResult(trained, scores)

        return workers.on_chief(finish)


def _build_model(config: FinetuneConfig, start: StartingPoint, num_labels: int) -> keras.Model:
    model = classifier_model(start.encoder, max(1, num_labels), config.head.dropout)
    return start.give_weights(model)


def _source(
    config: FinetuneConfig, start: StartingPoint, store: TokenStore, num_labels: int, rows: int
) -> BatchSource:
    plan = BatchPlan(
        store.lengths("token_ids"), rows, config.train.max_tokens_per_batch, config.seed
    )
    vocabulary = start.tokenizer.vocabulary
    return StoreBatches(store, plan, ClassificationBatches(store, vocabulary, max(1, num_labels)))


def _settings(
    config: FinetuneConfig, labels: tuple[str, ...], tokenizer: Tokenizer
) -> ModelSettings:
    return ModelSettings(
        task=config.task,
        labels=labels,
        text_pair=config.data.text_pair_column is not None,
        max_length=config.data.max_length,
        lowercase=tokenizer.lowercase,
        strip_accents=tokenizer.strip_accents,
    )


def _stores(
    run: RunDirectory,
    config: FinetuneConfig,
    tokenizer: Tokenizer,
    labels: LabelSet | None,
    workers: Workers,
) -> dict[str, TokenStore]:
    """Reads the splits that a worker needs, held-out ones first: the chief alone evaluates."""
    data = config.data
    files = {"test": data.test_files, "dev": data.dev_files, "train": data.train_files}
    every_file = [path for paths in files.values() for path in paths]
    settings = {
        **dataclasses.asdict(data),
        "vocabulary": tokenizer.vocabulary.tokens,
        "lowercase": tokenizer.lowercase,
        "strip_accents": tokenizer.strip_accents,
        "labels": labels.names if labels else (),
    }

    def build(split: str, folder: pathlib.Path) -> TokenStore:
        leave_out: set = set()
        if split == "train" and data.drop_held_out_texts:
            leave_out = held_out_texts(data)
        return build_classification_store(
            folder, files[split], data, tokenizer, labels, leave_out, f"reading {split}"
        )

    def read(split: str) -> TokenStore:
        return reuse_or_build(
            run.stores(split, workers.index),
            fingerprint(every_file, {**settings, "split": split}),
            lambda folder: build(split, folder),
        )

    splits = SPLITS if workers.is_chief else ("train",)
    return workers.chief_first(lambda: {split: read(split) for split in splits if files[split]})


def _objective(config: FinetuneConfig, labels: tuple[str, ...], store: TokenStore) -> Objective:
    if config.task == "regression":
        return RegressionObjective()
    targets = np.asarray(store.values("target"))
    weights = class_weights(config.head, labels, targets, len(store))
    kind = {"single_label": SingleLabelObjective, "multi_label": MultiLabelObjective}[config.task]
    return kind(config.head.label_smoothing, weights)

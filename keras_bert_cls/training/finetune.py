"""Fine-tuning a classifier on labelled text."""

import dataclasses
import os
from collections.abc import Callable

import keras
import numpy as np
import tensorflow as tf

from keras_bert_cls.data.batch_plan import BatchPlan
from keras_bert_cls.data.batches import ClassificationBatches
from keras_bert_cls.data.classification_rows import (
    build_classification_store,
    held_out_texts,
    read_labels,
)
from keras_bert_cls.data.fingerprint import fingerprint, reuse_or_build
from keras_bert_cls.data.labels import LabelSet
from keras_bert_cls.data.pipeline import training_dataset
from keras_bert_cls.data.token_store import TokenStore
from keras_bert_cls.modeling.encoder import copy_shared_weights
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
from keras_bert_cls.training.run import TrainingData, train
from keras_bert_cls.training.run_directory import RunDirectory
from keras_bert_cls.training.scores_file import read_scores, write_scores
from keras_bert_cls.training.starting_point import starting_point

SPLITS = ("train", "dev", "test")


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
) -> FinetuneResult:
    """Trains a classifier; resumes a run that was stopped, and leaves a finished one as it is.

    Args:
      config: what to train.
      workdir: the run's folder; holds a TrainedModel at the end.
      report: is told what was skipped, left out and truncated.

    Raises:
      UserError: the config, the data or the folder is wrong.
    """
    check_config(config)
    run = RunDirectory.open(workdir, config)
    if run.is_finished and run.scores.exists():
        report(f"{run.path} holds the finished run of this config: there is nothing left to do")
        return FinetuneResult(TrainedModel.load(run.path), read_scores(run.scores))
    start = starting_point(config)
    labels = read_labels(config.data)
    names = labels.names if labels else ()
    stores = _stores(run, config, start.tokenizer, labels)
    for split, store in stores.items():
        report(data_report(split, store))
    vocabulary = start.tokenizer.vocabulary

    def dataset(plan: BatchPlan, start_step: int) -> tf.data.Dataset:
        batches = ClassificationBatches(
            stores["train"], vocabulary, max(1, len(names)), config.train.accumulation
        )
        return training_dataset(plan, batches, start_step)

    def evaluator(model: keras.Model, split: str) -> Evaluator:
        batch_size = config.train.batch_size
        return classification_evaluator(
            model, stores[split], vocabulary, config.task, names, batch_size
        )

    def build_model() -> keras.Model:
        model = classifier_model(start.encoder, max(1, len(names)), config.head.dropout)
        if start.model is not None:
            copy_shared_weights(start.model, model)
        return model

    dev = (lambda model: evaluator(model, "dev")) if "dev" in stores else None
    data = TrainingData(stores["train"], dataset, dev)
    objective = _objective(config, names, stores["train"])
    model = train(run, config, build_model, objective, data)
    trained = TrainedModel(model, start.tokenizer, _settings(config, names, start.tokenizer))
    scores = {split: evaluator(model, split)() for split in SPLITS[1:] if split in stores}
    write_scores(run.scores, scores)
    trained.save(run.path)
    return FinetuneResult(trained, scores)


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
    run: RunDirectory, config: FinetuneConfig, tokenizer: Tokenizer, labels: LabelSet | None
) -> dict[str, TokenStore]:
    """Reads the splits that there are, held-out ones first."""
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

    def build(split: str) -> TokenStore:
        leave_out: set = set()
        if split == "train" and data.drop_held_out_texts:
            leave_out = held_out_texts(data)
        return build_classification_store(
            run.store(split), files[split], data, tokenizer, labels, leave_out, f"reading {split}"
        )

    return {
        split: reuse_or_build(
            run.store(split),
            fingerprint(every_file, {**settings, "split": split}),
            lambda split=split: build(split),  # type: ignore[misc]
        )
        for split in SPLITS
        if files[split]
    }


def _objective(config: FinetuneConfig, labels: tuple[str, ...], store: TokenStore) -> Objective:
    if config.task == "regression":
        return RegressionObjective()
    targets = np.asarray(store.values("target"))
    weights = class_weights(config.head, labels, targets, len(store))
    kind = {"single_label": SingleLabelObjective, "multi_label": MultiLabelObjective}[config.task]
    return kind(config.head.label_smoothing, weights)

"""Masked-language-model pretraining."""

import dataclasses
import os
from collections.abc import Callable

import keras
import tensorflow as tf

from keras_bert_cls.data.batch_plan import BatchPlan
from keras_bert_cls.data.batches import PretrainingBatches
from keras_bert_cls.data.fingerprint import fingerprint, reuse_or_build
from keras_bert_cls.data.masking import TokenMasker
from keras_bert_cls.data.pipeline import training_dataset, with_masking
from keras_bert_cls.data.pretraining_rows import build_pretraining_store
from keras_bert_cls.data.token_store import TokenStore
from keras_bert_cls.modeling.encoder import copy_shared_weights
from keras_bert_cls.modeling.models import masked_lm_model
from keras_bert_cls.modeling.trained_model import ModelSettings, TrainedModel
from keras_bert_cls.text.tokenizer import Tokenizer
from keras_bert_cls.training.config import PretrainConfig
from keras_bert_cls.training.config_check import check_config
from keras_bert_cls.training.data_report import data_report
from keras_bert_cls.training.evaluation import Evaluator
from keras_bert_cls.training.held_out import masked_lm_evaluator
from keras_bert_cls.training.objectives import MaskedLMObjective
from keras_bert_cls.training.run import TrainingData, train
from keras_bert_cls.training.run_directory import RunDirectory
from keras_bert_cls.training.starting_point import starting_point


def pretrain(
    config: PretrainConfig,
    workdir: str | os.PathLike,
    report: Callable[[str], None] = lambda text: None,
) -> TrainedModel:
    """Trains an encoder on text; resumes a run that was stopped, leaves a finished one as it is.

    Args:
      config: what to train.
      workdir: the run's folder; holds a TrainedModel at the end.
      report: is told what was read and skipped.

    Raises:
      UserError: the config, the data or the folder is wrong.
    """
    check_config(config)
    run = RunDirectory.open(workdir, config)
    if run.is_finished:
        report(f"{run.path} holds the finished run of this config: there is nothing left to do")
        return TrainedModel.load(run.path)
    start = starting_point(config)
    tokenizer = start.tokenizer
    files = {"train": config.data.files, "dev": config.data.dev_files}
    stores = {
        split: _store(run, split, paths, config, tokenizer)
        for split, paths in files.items()
        if paths
    }
    for split, store in stores.items():
        report(data_report(split, store))
    masker = TokenMasker(tokenizer.vocabulary, config.masking)

    def dataset(plan: BatchPlan, start_step: int) -> tf.data.Dataset:
        batches = PretrainingBatches(
            stores["train"],
            tokenizer.vocabulary,
            config.data.pair_objective,
            config.seed,
            config.train.accumulation,
        )
        return with_masking(training_dataset(plan, batches, start_step), masker, config.seed)

    def dev_evaluator(model: keras.Model) -> Evaluator:
        return masked_lm_evaluator(
            model, stores["dev"], tokenizer.vocabulary, config, config.train.batch_size
        )

    def build_model() -> keras.Model:
        model = masked_lm_model(start.encoder, config.data.pair_objective != "none")
        if start.model is not None:
            copy_shared_weights(start.model, model)
        return model

    data = TrainingData(stores["train"], dataset, dev_evaluator if "dev" in stores else None)
    model = train(run, config, build_model, MaskedLMObjective(), data)
    settings = ModelSettings(
        task="masked_lm",
        max_length=config.data.max_length,
        lowercase=tokenizer.lowercase,
        strip_accents=tokenizer.strip_accents,
    )
    trained = TrainedModel(model, tokenizer, settings)
    trained.save(run.path)
    return trained


def _store(
    run: RunDirectory,
    split: str,
    files: tuple[str, ...],
    config: PretrainConfig,
    tokenizer: Tokenizer,
) -> TokenStore:
    folder = run.store(split)
    settings = {
        **dataclasses.asdict(config.data),
        "vocabulary": tokenizer.vocabulary.tokens,
        "lowercase": tokenizer.lowercase,
        "strip_accents": tokenizer.strip_accents,
    }
    return reuse_or_build(
        folder,
        fingerprint(files, settings),
        lambda: build_pretraining_store(folder, files, config.data, tokenizer, f"reading {split}"),
    )

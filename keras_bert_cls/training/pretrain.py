"""Masked-language-model pretraining."""

import dataclasses
import os

import keras
import tensorflow as tf

from keras_bert_cls.data.batch_plan import BatchPlan
from keras_bert_cls.data.batches import PretrainingBatches
from keras_bert_cls.data.fingerprint import fingerprint, reuse_or_build
from keras_bert_cls.data.masking import TokenMasker
from keras_bert_cls.data.pipeline import evaluation_dataset, training_dataset, with_masking
from keras_bert_cls.data.pretraining_rows import build_pretraining_store
from keras_bert_cls.data.token_store import TokenStore
from keras_bert_cls.modeling.encoder import copy_shared_weights
from keras_bert_cls.modeling.models import masked_lm_model
from keras_bert_cls.modeling.trained_model import ModelSettings, TrainedModel
from keras_bert_cls.text.tokenizer import Tokenizer
from keras_bert_cls.training.config import PretrainConfig, check_config
from keras_bert_cls.training.objectives import MaskedLMObjective
from keras_bert_cls.training.run import TrainingData, train
from keras_bert_cls.training.run_directory import RunDirectory
from keras_bert_cls.training.starting_point import starting_point

_DEV_SEED = 1  # the same tokens are masked in every evaluation


def pretrain(config: PretrainConfig, workdir: str | os.PathLike) -> TrainedModel:
    """Trains an encoder on unlabelled text; resumes a run that was stopped.

    Args:
      config: what to train.
      workdir: the run's folder; holds a TrainedModel at the end.

    Raises:
      UserError: the config, the data or the folder is wrong.
    """
    check_config(config)
    run = RunDirectory.open(workdir, config)
    start = starting_point(config)
    tokenizer = start.tokenizer
    store = _store(run, "train", config.data.files, config, tokenizer)
    masker = TokenMasker(tokenizer.vocabulary, config.masking)

    def batches(rows: TokenStore) -> PretrainingBatches:
        return PretrainingBatches(
            rows,
            tokenizer.vocabulary,
            config.data.pair_objective,
            config.seed,
            config.train.accumulation,
        )

    def dataset(plan: BatchPlan, start_step: int) -> tf.data.Dataset:
        return with_masking(training_dataset(plan, batches(store), start_step), masker, config.seed)

    dev_dataset = None
    if config.data.dev_files:
        dev_store = _store(run, "dev", config.data.dev_files, config, tokenizer)
        plan = BatchPlan(dev_store.lengths("token_ids"), config.train.batch_size)
        dev_dataset = with_masking(
            evaluation_dataset(plan, batches(dev_store)), masker, config.seed + _DEV_SEED
        )

    def build_model() -> keras.Model:
        model = masked_lm_model(start.encoder, config.data.pair_objective != "none")
        if start.model is not None:
            copy_shared_weights(start.model, model)
        return model

    data = TrainingData(store, dataset, dev_dataset)
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
    }
    return reuse_or_build(
        folder,
        fingerprint(files, settings),
        lambda: build_pretraining_store(folder, files, config.data, tokenizer, f"reading {split}"),
    )

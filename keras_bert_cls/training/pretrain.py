"""Masked-language-model pretraining."""

import os
from collections.abc import Callable, Mapping

import keras

from keras_bert_cls.data.batch_plan import BatchPlan
from keras_bert_cls.data.batch_source import BatchSource
from keras_bert_cls.data.batches import PretrainingBatches
from keras_bert_cls.data.masking import TokenMasker
from keras_bert_cls.data.shard_batches import ShardBatches
from keras_bert_cls.data.store_batches import StoreBatches
from keras_bert_cls.data.token_counts import packed_token_counts, store_token_counts
from keras_bert_cls.data.token_store import TokenStore
from keras_bert_cls.modeling.adaptive_cutoffs import AdaptiveShape, checked_cutoffs
from keras_bert_cls.modeling.adaptive_softmax import AdaptiveSoftmax
from keras_bert_cls.modeling.models import masked_lm_model
from keras_bert_cls.modeling.trained_model import ModelSettings, TrainedModel
from keras_bert_cls.text.tokenizer import Tokenizer
from keras_bert_cls.training.config import PretrainConfig
from keras_bert_cls.training.config_check import check_config
from keras_bert_cls.training.data_report import data_report
from keras_bert_cls.training.evaluation import Evaluator
from keras_bert_cls.training.held_out import masked_lm_evaluator
from keras_bert_cls.training.objectives import MaskedLMObjective
from keras_bert_cls.training.run import RunParts, open_workers, train
from keras_bert_cls.training.run_directory import RunDirectory
from keras_bert_cls.training.run_options import RunOptions
from keras_bert_cls.training.starting_point import StartingPoint, starting_point
from keras_bert_cls.training.text_reading import read_text

_DEFAULT_OPTIONS = RunOptions()


def pretrain(
    config: PretrainConfig,
    workdir: str | os.PathLike,
    report: Callable[[str], None] = lambda text: None,
    options: RunOptions = _DEFAULT_OPTIONS,
) -> TrainedModel | None:
    """Trains an encoder on text; resumes a run that was stopped, leaves a finished one as it is.

    Args:
      config: what to train.
      workdir: the run's folder; holds a TrainedModel at the end. Workers on other machines may
        share it, or have folders of their own for the data that they read.
      report: is told what was read and skipped.
      options: the devices, and what the run tells about itself.

    Returns:
      The model; None on workers other than the chief.

    Raises:
      UserError: the config, the data, the folder or an option is wrong. PreemptedError and
        PeerLostError, which are such errors, say that the same call resumes.
    """
    check_config(config)
    with open_workers(options) as workers:
        report = report if workers.is_chief else lambda text: None
        run = workers.chief_first(lambda: RunDirectory.open(workdir, config))
        if workers.from_chief(run.is_finished):
            report(f"{run.path} holds the finished run of this config: there is nothing left to do")
            return workers.on_chief(lambda: TrainedModel.load(run.path))
        start = starting_point(config)
        _check_cutoffs(config, start)
        stores = read_text(run, config.data, start.tokenizer, workers)
        for split, store in stores.items():
            report(data_report(split, store))
        shape = _adaptive_shape(config, start, stores)
        model = train(
            RunParts(
                directory=run,
                config=config,
                options=options,
                workers=workers,
                build_model=lambda: _build_model(config, start, shape),
                objective=MaskedLMObjective(),
                source=lambda rows: _source(config, options, start.tokenizer, stores, rows),
                evaluator=_evaluator(config, start.tokenizer, stores.get("dev")),
            )
        )
        return workers.on_chief(lambda: _save(run, config, start.tokenizer, model))


def _build_model(
    config: PretrainConfig, start: StartingPoint, shape: AdaptiveShape | None
) -> keras.Model:
    adaptive = None
    if shape is not None:
        adaptive = AdaptiveSoftmax(
            start.encoder.vocabulary_size,
            shape.cutoffs,
            shape.div_value,
            head_bias=True,
            label_order=shape.order,
            name="masked_lm_softmax",
        )
    pairs = config.data.pair_objective != "none"
    model = masked_lm_model(start.encoder, pairs, adaptive=adaptive)
    return start.give_weights(model)


def _check_cutoffs(config: PretrainConfig, start: StartingPoint) -> None:
    if config.adaptive.cutoffs:
        checked_cutoffs(start.encoder.vocabulary_size, config.adaptive.cutoffs)


def _adaptive_shape(
    config: PretrainConfig, start: StartingPoint, stores: Mapping[str, TokenStore]
) -> AdaptiveShape | None:
    if config.output != "adaptive":
        return None
    if config.data.packed:
        counts = packed_token_counts(config.data.packed, start.tokenizer)
    else:
        counts = store_token_counts(stores["train"], start.tokenizer.vocabulary)
    adaptive, hidden_dim = config.adaptive, start.encoder.hidden_dim
    return AdaptiveShape.of(counts, hidden_dim, adaptive.cutoffs, adaptive.div_value)


def _source(
    config: PretrainConfig,
    options: RunOptions,
    tokenizer: Tokenizer,
    stores: Mapping[str, TokenStore],
    rows: int,
) -> BatchSource:
    vocabulary, data = tokenizer.vocabulary, config.data
    masker = TokenMasker(vocabulary, config.masking)
    if data.packed:
        return ShardBatches(
            data.packed,
            tokenizer,
            data,
            masker,
            batch_size=rows,
            seed=config.seed,
            data_service=options.data_service,
        )
    store = stores["train"]
    return StoreBatches(
        store,
        BatchPlan(store.lengths("token_ids"), rows, config.train.max_tokens_per_batch, config.seed),
        PretrainingBatches(store, vocabulary, data.pair_objective, config.seed),
        masker,
    )


def _evaluator(
    config: PretrainConfig, tokenizer: Tokenizer, store: TokenStore | None
) -> Callable[[keras.Model], Evaluator] | None:
    if store is None:
        return None
    return lambda model: masked_lm_evaluator(
        model, store, tokenizer.vocabulary, config, config.train.batch_size
    )


def _save(
    run: RunDirectory, config: PretrainConfig, tokenizer: Tokenizer, model: keras.Model | None
) -> TrainedModel:
    assert model is not None  # on the chief
    settings = ModelSettings(
        task="masked_lm",
        max_length=config.data.max_length,
        lowercase=tokenizer.lowercase,
        strip_accents=tokenizer.strip_accents,
    )
    trained = TrainedModel(model, tokenizer, settings)
    trained.save(run.path)
    return trained

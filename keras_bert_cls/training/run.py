"""What pretraining and fine-tuning have in common: from data to a trained model."""

import contextlib
import dataclasses
from collections.abc import Callable

import keras
import numpy as np
import tensorflow as tf

from keras_bert_cls.data.batch_plan import BatchPlan
from keras_bert_cls.data.sequence_columns import describe_sources
from keras_bert_cls.data.token_store import TokenStore
from keras_bert_cls.training.adamw import AdamW
from keras_bert_cls.training.checkpoints import Checkpoints, Progress
from keras_bert_cls.training.config import OptimizerConfig, RunConfig
from keras_bert_cls.training.evaluation import Evaluator
from keras_bert_cls.training.loop import TrainingLoop
from keras_bert_cls.training.objectives import Objective
from keras_bert_cls.training.parameter_rules import ParameterRule, default_rules, match_rules
from keras_bert_cls.training.run_directory import RunDirectory
from keras_bert_cls.training.run_log import RunLog
from keras_bert_cls.training.schedules import learning_rate_schedule
from keras_bert_cls.training.trainer import Trainer, total_steps


@dataclasses.dataclass
class TrainingData:
    """Data of a run.

    Attributes:
      store: the training rows.
      dataset: makes the batches from a plan, from a step on.
      evaluator: makes what scores a model on dev; None if there is no dev data.
    """

    store: TokenStore
    dataset: Callable[[BatchPlan, int], tf.data.Dataset]
    evaluator: Callable[[keras.Model], Evaluator] | None = None


def train(
    run: RunDirectory,
    config: RunConfig,
    build_model: Callable[[], keras.Model],
    objective: Objective,
    data: TrainingData,
) -> keras.Model:
    """Trains a model to the end, resuming where the run stopped.

    Args:
      run: the run's folder.
      config: the run's config.
      build_model: makes the model with its first weights.
      objective: what is minimised.
      data: training and dev data.

    Returns:
      The model in float32 with the best weights on dev, or the last ones if there is no dev data.
    """
    settings = config.train
    keras.utils.set_random_seed(config.seed)
    plan = BatchPlan(
        data.store.lengths("token_ids"),
        settings.batch_size,
        settings.max_tokens_per_batch,
        config.seed,
    )
    steps = total_steps(settings, plan)
    strategy = tf.distribute.get_strategy()
    with strategy.scope():
        model = with_precision(settings.precision, build_model)
        optimizer = make_optimizer(model, config.optimizer)
    loop = _make_loop(strategy, model, optimizer, objective, config, steps)
    weights = {variable.path: variable.value for variable in model.trainable_variables}
    state = {"weights": weights, **loop.state}
    checkpoints = Checkpoints(run.checkpoints, state, settings.keep_checkpoints)
    progress = checkpoints.restore_newest() or Progress()
    if not progress.finished:
        log = RunLog(run, progress.step, steps)
        log.say(_summary(model, data.store, steps, config, progress))
        evaluator = data.evaluator(model) if data.evaluator else None
        trainer = Trainer(
            config,
            loop,
            plan,
            steps,
            checkpoints,
            log,
            evaluator,
            lambda rows: describe_rows(data.store, rows),
        )
        with contextlib.closing(log):
            trainer.fit(iter(data.dataset(plan, progress.step)), progress)
    checkpoints.restore_best()
    return _in_float32(model, build_model)


def _make_loop(
    strategy: tf.distribute.Strategy,
    model: keras.Model,
    optimizer: AdamW,
    objective: Objective,
    config: RunConfig,
    steps: int,
) -> TrainingLoop:
    schedule = learning_rate_schedule(
        config.optimizer.schedule,
        config.optimizer.learning_rate,
        steps,
        config.optimizer.warmup_share,
    )
    return TrainingLoop(
        strategy,
        model,
        optimizer,
        objective,
        schedule,
        seed=config.seed,
        accumulation=config.train.accumulation,
        clip_norm=config.optimizer.clip_norm,
        float16=config.train.precision == "mixed_float16",
        jit_compile=config.train.jit_compile,
    )


def make_optimizer(model: keras.Model, config: OptimizerConfig) -> AdamW:
    """Makes the optimizer with a rule for every weight of the model."""
    blocks = [layer for layer in model.layers if layer.name.startswith("block_")]
    rules = [
        *(ParameterRule(*rule) for rule in config.rules),
        *default_rules(len(blocks), config.weight_decay, config.layer_decay),
    ]
    variables = model.trainable_variables
    matched = match_rules([variable.path for variable in variables], rules)
    return AdamW(variables, matched, config.beta_1, config.beta_2, config.epsilon)


def with_precision(precision: str, build: Callable[[], keras.Model]) -> keras.Model:
    """Builds a model under a dtype policy, and puts the old one back."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(precision)
    try:
        return build()
    finally:
        keras.config.set_dtype_policy(before)


def describe_rows(store: TokenStore, rows: np.ndarray) -> list[str]:
    """Returns file:line of rows."""
    names = store.description["sources"]
    return describe_sources(names, store.values("file")[rows], store.values("line")[rows])


def _in_float32(model: keras.Model, build_model: Callable[[], keras.Model]) -> keras.Model:
    """Returns the model as it is saved and exported: mixed precision is a matter of training."""
    plain = with_precision("float32", build_model)
    for new, trained in zip(plain.trainable_variables, model.trainable_variables, strict=True):
        new.assign(trained)
    return plain


def _summary(
    model: keras.Model, store: TokenStore, steps: int, config: RunConfig, progress: Progress
) -> str:
    tokens = int(store.lengths("token_ids").sum())
    done = f", resuming after step {progress.step:,}" if progress.step else ""
    pieces = config.train.accumulation
    accumulated = f" in {pieces} pieces" if pieces > 1 else ""
    limit = config.train.max_tokens_per_batch
    limited = f" and {limit:,} tokens" if limit else ""
    return (
        f"{model.count_params():,} parameters; {len(store):,} rows, {tokens:,} tokens; "
        f"batches of at most {config.train.batch_size} rows{limited}{accumulated}; "
        f"{steps:,} steps{done}"
    )

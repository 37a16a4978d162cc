"""What pretraining and fine-tuning have in common: from data to a trained model."""

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

MakeDataset = Callable[[BatchPlan, int], tf.data.Dataset]


@dataclasses.dataclass
class TrainingData:
    """Data of a run.

    Attributes:
      store: the training rows.
      dataset: makes the batches from a plan, from a step on.
      dev_dataset: the rows on which the model is scored; None if there are none.
    """

    store: TokenStore
    dataset: MakeDataset
    dev_dataset: tf.data.Dataset | None


def train(
    run: RunDirectory,
    config: RunConfig,
    build_model: Callable[[], keras.Model],
    objective: Objective,
    data: TrainingData,
    labels: tuple[str, ...] = (),
) -> keras.Model:
    """Trains a model to the end, resuming where the run stopped.

    Args:
      run: the run's folder.
      config: the run's config.
      build_model: makes the model with its first weights.
      objective: what is minimised.
      data: training and dev data.
      labels: names of the logits, for scores.

    Returns:
      The model in float32 with the best weights on dev, or the last ones if there is no dev data.
    """
    strategy = tf.distribute.get_strategy()
    settings = config.train
    keras.utils.set_random_seed(config.seed)
    with strategy.scope():
        model = with_precision(settings.precision, build_model)
        optimizer = make_optimizer(model, config.optimizer)
    plan = BatchPlan(
        data.store.lengths("token_ids"),
        settings.batch_size,
        settings.max_tokens_per_batch,
        config.seed,
    )
    steps = total_steps(settings, plan)
    rate = learning_rate_schedule(
        config.optimizer.schedule,
        config.optimizer.learning_rate,
        steps,
        config.optimizer.warmup_share,
    )
    loop = TrainingLoop(
        strategy,
        model,
        optimizer,
        objective,
        rate,
        seed=config.seed,
        accumulation=settings.accumulation,
        clip_norm=config.optimizer.clip_norm,
        float16=settings.precision == "mixed_float16",
        jit_compile=settings.jit_compile,
    )
    weights = {variable.path: variable.value for variable in model.trainable_variables}
    checkpoints = Checkpoints(
        run.checkpoints, {"weights": weights, **loop.state}, settings.keep_checkpoints
    )
    progress = checkpoints.restore_newest() or Progress()
    evaluator = None
    if data.dev_dataset is not None:
        evaluator = Evaluator(model, objective, data.dev_dataset, config.task, labels)
    log = RunLog(run, progress.step, steps)
    log.say(_summary(model, data.store, plan, config, progress))
    trainer = Trainer(
        config,
        loop,
        plan,
        checkpoints,
        log,
        evaluator,
        lambda rows: describe_rows(data.store, rows),
    )
    try:
        trainer.fit(iter(data.dataset(plan, progress.step)), progress)
    finally:
        log.close()
    checkpoints.restore_best()
    return _in_float32(model, build_model)


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
    model: keras.Model, store: TokenStore, plan: BatchPlan, config: RunConfig, progress: Progress
) -> str:
    tokens = int(store.lengths("token_ids").sum())
    steps = total_steps(config.train, plan)
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

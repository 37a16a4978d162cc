"""What pretraining and fine-tuning have in common: from data to a trained model."""

import contextlib
import dataclasses
import functools
from collections.abc import Callable, Iterator

import keras
import tensorflow as tf

from keras_bert_cls.data.batch_source import BatchSource, Shard
from keras_bert_cls.errors import UserError
from keras_bert_cls.modeling.encoder import encoder_config
from keras_bert_cls.modeling.output_softmax import computed_logits
from keras_bert_cls.modeling.seq2seq import decoder_blocks, decoder_config
from keras_bert_cls.modeling.transformer_block import TransformerBlock
from keras_bert_cls.training.adamw import AdamW
from keras_bert_cls.training.aids import gradients_of, passes_of, weight_average
from keras_bert_cls.training.batch_arithmetic import BatchArithmetic
from keras_bert_cls.training.checkpoints import Checkpoints, Progress
from keras_bert_cls.training.config import OptimizerConfig
from keras_bert_cls.training.interruption import peers_watched
from keras_bert_cls.training.loop import TrainingLoop
from keras_bert_cls.training.metrics import Scores
from keras_bert_cls.training.model_flops import multitask_flops, training_flops
from keras_bert_cls.training.objectives import Objective
from keras_bert_cls.training.parameter_rules import ParameterRule, default_rules, match_rules
from keras_bert_cls.training.profiling import Profiler
from keras_bert_cls.training.run_config import RunConfig
from keras_bert_cls.training.run_directory import RunDirectory
from keras_bert_cls.training.run_log import Log, RunLog, SilentLog
from keras_bert_cls.training.run_options import RunOptions
from keras_bert_cls.training.schedules import learning_rate_schedule
from keras_bert_cls.training.snapshot import flatten
from keras_bert_cls.training.step_timings import Flops
from keras_bert_cls.training.strategy import make_strategy
from keras_bert_cls.training.trainer import Trainer, total_steps
from keras_bert_cls.training.weight_average import WeightAverage
from keras_bert_cls.training.workers import Workers


@dataclasses.dataclass
class RunParts:
    """What a run trains, on what, and where.

    Attributes:
      directory: the run's folder.
      config: the run's config.
      options: the devices, and what the run tells about itself.
      workers: that train together.
      build_model: makes the model with its first weights.
      objective: what is minimised.
      source: makes the training batches, given the rows of a global batch.
      evaluator: makes what scores a model on dev; None if there is no dev data.
    """

    directory: RunDirectory
    config: RunConfig
    options: RunOptions
    workers: Workers
    build_model: Callable[[], keras.Model]
    objective: Objective
    source: Callable[[int], BatchSource]
    evaluator: Callable[[keras.Model], Callable[[], Scores]] | None = None


@contextlib.contextmanager
def open_workers(options: RunOptions) -> Iterator[Workers]:
    """Gives the workers of a run, once all of them are there.

    Raises:
      UserError: an option is wrong, or (PeerLostError) another worker went away.
    """
    workers = Workers(make_strategy(options))
    with peers_watched(workers.count):
        yield workers


def train(run: RunParts) -> keras.Model | None:
    """Trains a model to the end, resuming where the run stopped.

    Returns:
      The model in float32 with the best weights on dev, or the last ones if there is no dev data.
      None on workers other than the chief.

    Raises:
      UserError: the run can't be resumed, or diverged, or was stopped.
    """
    settings, workers = run.config.train, run.workers
    keras.utils.set_random_seed(run.config.seed)
    batch = BatchArithmetic.of(settings, workers.count, workers.devices)
    source = run.source(batch.rows)
    described = source.describe()
    if (chiefs := workers.from_chief(described)) != described:
        raise UserError(
            f"this worker reads other data than the chief: {described}, not {chiefs}. Are "
            "all files of the config the same on every machine?"
        )
    steps = total_steps(settings, source)
    with workers.strategy.scope():
        model = with_precision(settings.precision, run.build_model)
        optimizer = make_optimizer(model, run.config.optimizer)
        average = weight_average(run.config, optimizer)
    loop = _make_loop(workers.strategy, model, optimizer, run.objective, run.config, steps, average)
    weights = {variable.path: variable.value for variable in model.trainable_variables}
    state = {"weights": weights, **loop.state}
    checkpoints = None
    if workers.is_chief:
        checkpoints = Checkpoints(run.directory.checkpoints, state, settings.keep_checkpoints)
    with contextlib.closing(checkpoints) if checkpoints else contextlib.nullcontext():
        progress = _resume(workers, checkpoints, state, batch)
        if not progress.finished:
            with contextlib.closing(_make_log(run, model, progress, steps)) as log:
                log.say(_summary(model, described, steps, batch, run, progress))
                trainer = _make_trainer(run, loop, source, steps, log, checkpoints, model, average)
                shard = Shard(workers.index, workers.count, batch.parts)
                with trainer.stop.listening(), contextlib.closing(trainer):
                    trainer.fit(iter(source.dataset(progress.step, shard)), progress)
        if checkpoints is None:
            return None
        checkpoints.restore_best()
    if average is not None:
        average.put_in_place()
    return _in_float32(model, run.build_model)


def _resume(
    workers: Workers, checkpoints: Checkpoints | None, state: dict, batch: BatchArithmetic
) -> Progress:
    """Gives every worker the weights and the progress of the chief's newest checkpoint."""
    found = (checkpoints.restore_newest() if checkpoints else None) or Progress()
    progress = Progress(**workers.from_chief(dataclasses.asdict(found)))
    workers.share(flatten(state).values())
    before = progress.global_batch_size
    if before and before != batch.rows:
        raise UserError(
            f"the run was started with a global batch of {before} rows, now it would be {batch}: "
            "another batch is another run. Give the old number of devices or another "
            "accumulation, or a new --workdir"
        )
    return dataclasses.replace(progress, global_batch_size=batch.rows)


def _make_log(run: RunParts, model: keras.Model, progress: Progress, steps: int) -> Log:
    if not run.workers.is_chief:
        return SilentLog()
    devices = run.workers.strategy.num_replicas_in_sync
    return RunLog(
        run.directory,
        progress.step,
        steps,
        log_format=run.options.log_format,
        flops=_flops_of(model),
        peak_flops=1e12 * run.options.peak_tflops * devices,
    )


def _flops_of(model: keras.Model) -> Flops:
    encoder = encoder_config(model)
    if "logits" not in model.output:
        return functools.partial(multitask_flops, encoder)
    return functools.partial(
        training_flops,
        encoder,
        computed_logits(model),
        decoder=decoder_config(model) if decoder_blocks(model) else None,
    )


def _make_trainer(
    run: RunParts,
    loop: TrainingLoop,
    source: BatchSource,
    steps: int,
    log: Log,
    checkpoints: Checkpoints | None,
    model: keras.Model,
    average: WeightAverage | None,
) -> Trainer:
    chief, options = run.workers.is_chief, run.options
    trainer = Trainer(run.config, loop, source, steps, run.workers, log, checkpoints)
    if chief and run.evaluator:
        evaluator = run.evaluator(model)
        trainer.evaluator = average.judged_by(evaluator) if average else evaluator
    if options.profile_steps:
        folder = run.directory.tensorboard
        trainer.profiler = Profiler(folder, *options.profile_steps, records=chief)
    return trainer


def _make_loop(
    strategy: tf.distribute.Strategy,
    model: keras.Model,
    optimizer: AdamW,
    objective: Objective,
    config: RunConfig,
    steps: int,
    average: WeightAverage | None,
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
        forward=passes_of(config, model),
        differentiate=gradients_of(config, model),
        average=average,
    )


def make_optimizer(model: keras.Model, config: OptimizerConfig) -> AdamW:
    """Makes the optimizer with a rule for every weight of the model."""
    blocks = [layer for layer in model.layers if isinstance(layer, TransformerBlock)]
    rules = [
        *(ParameterRule(*rule) for rule in config.rules),
        *default_rules(len(blocks), config.weight_decay, config.layer_decay),
    ]
    variables = model.trainable_variables
    matched = match_rules([variable.path for variable in variables], rules)
    return AdamW(
        variables,
        matched,
        config.beta_1,
        config.beta_2,
        config.epsilon,
        lazy=config.lazy_embeddings,
    )


def with_precision(precision: str, build: Callable[[], keras.Model]) -> keras.Model:
    """Builds a model under a dtype policy, and puts the old one back."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(precision)
    try:
        return build()
    finally:
        keras.config.set_dtype_policy(before)


def _in_float32(model: keras.Model, build_model: Callable[[], keras.Model]) -> keras.Model:
    """Returns the model as it is saved and exported: mixed precision is a matter of training."""
    plain = with_precision("float32", build_model)
    for new, trained in zip(plain.trainable_variables, model.trainable_variables, strict=True):
        new.assign(trained)
    return plain


def _summary(
    model: keras.Model,
    data: str,
    steps: int,
    batch: BatchArithmetic,
    run: RunParts,
    progress: Progress,
) -> str:
    done = f", resuming after step {progress.step:,}" if progress.step else ""
    limit = run.config.train.max_tokens_per_batch
    limited = f", at most {limit:,} tokens" if limit else ""
    strategy = type(run.workers.strategy).__name__.removesuffix("Strategy")
    return (
        f"{model.count_params():,} parameters; {data}; {batch}{limited}; "
        f"{strategy} strategy; {steps:,} steps{done}"
    )

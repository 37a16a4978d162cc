"""Drives the loop: when to log, evaluate, save and stop."""

import dataclasses
import math
from collections.abc import Callable, Iterator

import numpy as np

from keras_bert_cls.data.batch_plan import BatchPlan
from keras_bert_cls.errors import UserError
from keras_bert_cls.training.checkpoints import Checkpoints, Progress
from keras_bert_cls.training.config import METRICS, RunConfig, TrainConfig
from keras_bert_cls.training.evaluation import Evaluator, mean_values
from keras_bert_cls.training.loop import LoopReport, TrainingLoop
from keras_bert_cls.training.run_log import RunLog

_LOWER_IS_BETTER = ("loss", "mean_absolute_error")


class TrainingDivergedError(UserError):
    """The loss is not a finite number any more."""


def total_steps(config: TrainConfig, plan: BatchPlan) -> int:
    """Returns the number of updates of a run."""
    return config.steps or plan.steps_in_epochs(config.epochs)


def evaluation_interval(config: TrainConfig, plan: BatchPlan) -> int:
    """Returns the number of updates between evaluations."""
    if config.eval_every:
        return config.eval_every
    return plan.steps_in_epoch(0) if config.epochs else max(1, config.steps // 20)


@dataclasses.dataclass
class Trainer:
    """Trains to the end, from wherever the progress stands.

    Attributes:
      config: the run's config.
      loop: makes updates.
      plan: of the training batches.
      checkpoints: where state is kept.
      log: what the user sees.
      evaluator: scores the model on dev; None if there is no dev data.
      describe_rows: says file:line of rows.
    """

    config: RunConfig
    loop: TrainingLoop
    plan: BatchPlan
    checkpoints: Checkpoints
    log: RunLog
    evaluator: Evaluator | None
    describe_rows: Callable[[np.ndarray], list[str]]

    def fit(self, batches: Iterator, progress: Progress) -> Progress:
        """Trains; returns the progress at the end.

        Args:
          batches: iterator of a dataset that starts at `progress.step`.
          progress: where the run stands.

        Raises:
          TrainingDivergedError: the loss is not finite.
        """
        train = self.config.train
        total = total_steps(train, self.plan)
        eval_every = evaluation_interval(train, self.plan) if self.evaluator else total + 1
        sums: dict[str, float] = {}
        while progress.step < total and not progress.finished:
            intervals = (train.steps_per_call, train.log_every, eval_every, train.checkpoint_every)
            stop = min(total, *((progress.step // n + 1) * n for n in intervals))
            report = self.loop.run(batches, stop - progress.step)
            self._check_finite(report, progress.step)
            self._show(report, stop - progress.step)
            for name, value in report.sums.items():
                sums[name] = sums.get(name, 0.0) + value
            progress = dataclasses.replace(progress, step=stop)
            saving = stop % train.checkpoint_every == 0 or stop == total
            if stop % train.log_every == 0 or saving:
                self._log(report, sums, stop)
                sums = {}
            if self.evaluator and (stop % eval_every == 0 or stop == total):
                progress = self._evaluate(progress)
            progress = dataclasses.replace(progress, finished=progress.finished or stop == total)
            if saving or progress.finished:
                self.checkpoints.save(progress)
                self.log.pause()
        return progress

    def _check_finite(self, report: LoopReport, start: int) -> None:
        bad = np.flatnonzero(~np.isfinite(report.losses))
        if not bad.size:
            return
        step = start + int(bad[0])
        rows = self.describe_rows(self.plan.rows_of_step(step))
        raise TrainingDivergedError(
            f"the loss is {report.losses[bad[0]]} at step {step + 1}. Rows of that batch: "
            f"{', '.join(rows[:20])}{' …' if len(rows) > 20 else ''}. The last checkpoint in "
            f"{self.checkpoints.folder} was written before it. Try a lower learning rate, a longer "
            "warm-up or clip_norm, in a new --workdir."
        )

    def _show(self, report: LoopReport, steps: int) -> None:
        rows = steps * self.config.train.batch_size
        self.log.advance(steps, float(report.losses.mean()), rows, report.sums["tokens"])

    def _log(self, report: LoopReport, sums: dict[str, float], step: int) -> None:
        values = {
            **mean_values(sums),
            "learning_rate": report.learning_rate,
            "gradient_norm": report.gradient_norm,
        }
        if self.config.train.precision == "mixed_float16":
            values["loss_scale"] = report.loss_scale
        self.log.write("train", step, values)

    def _evaluate(self, progress: Progress) -> Progress:
        assert self.evaluator is not None
        values = self.evaluator().values
        self.log.write("dev", progress.step, values)
        shown = ", ".join(f"{name} {value:.4f}" for name, value in values.items())
        self.log.say(f"step {progress.step}: dev {shown}")
        self.log.pause()
        metric = self.config.train.metric or METRICS[self.config.task][0]
        value = values[metric]
        if math.isfinite(value) and self._better(metric, value, progress.best_metric):
            progress = dataclasses.replace(
                progress, best_metric=value, best_step=progress.step, stale_evaluations=0
            )
            self.checkpoints.save_best(progress)
            return progress
        stale = progress.stale_evaluations + 1
        patience = self.config.train.patience
        if patience and stale >= patience:
            self.log.say(f"{metric} has not improved in {stale} evaluations: stopping")
            return dataclasses.replace(progress, stale_evaluations=stale, finished=True)
        return dataclasses.replace(progress, stale_evaluations=stale)

    @staticmethod
    def _better(metric: str, value: float, best: float | None) -> bool:
        if best is None:
            return True
        return value < best if metric in _LOWER_IS_BETTER else value > best

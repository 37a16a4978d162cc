"""Drives the loop: when to log, evaluate, save and stop."""

import collections
import dataclasses
import math
from collections.abc import Callable, Iterator, Mapping

import numpy as np

from keras_bert_cls.data.batch_plan import BatchPlan
from keras_bert_cls.errors import UserError
from keras_bert_cls.training.checkpoints import Checkpoints, Progress
from keras_bert_cls.training.config import METRICS, RunConfig, TrainConfig
from keras_bert_cls.training.evaluation import Evaluator
from keras_bert_cls.training.loop import LoopReport, TrainingLoop
from keras_bert_cls.training.run_log import RunLog
from keras_bert_cls.training.term_sums import mean_values

_LOWER_IS_BETTER = ("loss", "mean_absolute_error")
_MOST_ROWS = 20  # named in an error


class TrainingDivergedError(UserError):
    """The loss or a gradient is not a finite number any more."""


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
      steps: of the whole run.
      checkpoints: where state is kept.
      log: what the user sees.
      evaluator: scores the model on dev; None if there is no dev data.
      describe_rows: says file:line of rows.
    """

    config: RunConfig
    loop: TrainingLoop
    plan: BatchPlan
    steps: int
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
          TrainingDivergedError: the loss or a gradient is not finite.
        """
        train, total = self.config.train, self.steps
        eval_every = evaluation_interval(train, self.plan) if self.evaluator else total
        intervals = (train.steps_per_call, train.log_every, eval_every, train.checkpoint_every)
        sums: collections.Counter[str] = collections.Counter()
        while progress.step < total and not progress.finished:
            start = progress.step
            stop = min(total, *((start // n + 1) * n for n in intervals))
            report = self.loop.run(batches, stop - start)
            self._check_finite(report, start)
            sums.update(report.sums)
            loss = mean_values(sums)["loss"]
            self.log.advance(stop - start, loss, report.sums["rows"], report.sums["tokens"])
            progress = dataclasses.replace(progress, step=stop, finished=stop == total)
            evaluating = self.evaluator is not None and (stop % eval_every == 0 or stop == total)
            saving = stop % train.checkpoint_every == 0
            if stop % train.log_every == 0 or evaluating or saving or stop == total:
                self._log(report, sums, stop)
                sums.clear()
            with self.log.paused():
                if evaluating:
                    progress = self._evaluate(progress)
                if saving or progress.finished:
                    self.checkpoints.save(progress)
        return progress

    def _check_finite(self, report: LoopReport, start: int) -> None:
        bad = np.flatnonzero(report.diverged)
        if not bad.size:
            return
        step, loss = start + int(bad[0]), float(report.losses[bad[0]])
        what = "a gradient is not finite" if math.isfinite(loss) else f"the loss is {loss}"
        rows = self.describe_rows(self.plan.rows_of_step(step))
        newest = self.checkpoints.newest()
        raise TrainingDivergedError(
            f"{what} at step {step + 1}. Rows of that batch: "
            f"{', '.join(rows[:_MOST_ROWS])}{' …' if len(rows) > _MOST_ROWS else ''}. "
            + (f"The last checkpoint is {newest}. " if newest else "There is no checkpoint yet. ")
            + "The same command would come here again: try a lower learning rate, a longer warm-up "
            "or a lower clip_norm, in a new --workdir."
        )

    def _log(self, report: LoopReport, sums: Mapping[str, float], step: int) -> None:
        values = {
            **mean_values(sums),
            "learning_rate": report.learning_rate,
            "gradient_norm": report.gradient_norm,
        }
        if self.config.train.precision == "mixed_float16":
            values["loss_scale"] = report.loss_scale
        self.log.write_train(step, values)

    def _evaluate(self, progress: Progress) -> Progress:
        assert self.evaluator is not None
        values = self.evaluator().values
        self.log.write_dev(progress.step, values)
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

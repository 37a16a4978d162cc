"""Drives the loop: when to log, evaluate, save and stop."""

import collections
import dataclasses
import math
from collections.abc import Callable, Iterator, Mapping

import numpy as np

from keras_bert_cls.data.batch_source import BatchSource
from keras_bert_cls.errors import UserError
from keras_bert_cls.training.checkpoints import Checkpoints, Progress
from keras_bert_cls.training.config import LOWER_IS_BETTER, TrainConfig
from keras_bert_cls.training.interruption import PreemptedError, StopRequest
from keras_bert_cls.training.loop import LoopReport, TrainingLoop
from keras_bert_cls.training.metrics import Scores
from keras_bert_cls.training.profiling import Profiler
from keras_bert_cls.training.run_config import RunConfig
from keras_bert_cls.training.run_log import Log
from keras_bert_cls.training.term_sums import mean_values
from keras_bert_cls.training.workers import Workers

_MOST_ROWS = 20  # named in an error


class TrainingDivergedError(UserError):
    """The loss or a gradient is not a finite number any more."""


def total_steps(config: TrainConfig, source: BatchSource) -> int:
    """Returns the number of updates of a run."""
    return config.steps or source.steps_in_epochs(config.epochs)


def evaluation_interval(config: TrainConfig, source: BatchSource) -> int:
    """Returns the number of updates between evaluations."""
    if config.eval_every:
        return config.eval_every
    return source.steps_in_epoch(0) if config.epochs else max(1, config.steps // 20)


@dataclasses.dataclass
class Trainer:
    """Trains to the end, from wherever the progress stands.

    Every worker has one; the chief alone evaluates, writes and decides.

    Attributes:
      config: the run's config.
      loop: makes updates.
      source: of the training batches.
      steps: of the whole run.
      workers: that train together.
      log: what the user sees.
      checkpoints: where state is kept; None on workers other than the chief.
      evaluator: scores the model on dev; None on workers other than the chief, and if there is no
        dev data.
      stop: whether this process was asked to stop.
      profiler: records some steps, on the chief; None for none. All workers have one or none.
    """

    config: RunConfig
    loop: TrainingLoop
    source: BatchSource
    steps: int
    workers: Workers
    log: Log
    checkpoints: Checkpoints | None = None
    evaluator: Callable[[], Scores] | None = None
    stop: StopRequest = dataclasses.field(default_factory=StopRequest)
    profiler: Profiler | None = None

    def fit(self, batches: Iterator, progress: Progress) -> Progress:
        """Trains; returns the progress at the end.

        Args:
          batches: iterator of a dataset that starts at `progress.step`.
          progress: where the run stands.

        Raises:
          TrainingDivergedError: the loss or a gradient is not finite.
          PreemptedError: a worker was asked to stop; the state is saved.
        """
        train, total = self.config.train, self.steps
        has_dev = any(data.dev_files for data in self.config.data_parts.values())
        eval_every = evaluation_interval(train, self.source) if has_dev else total
        intervals = (train.steps_per_call, train.log_every, eval_every, train.checkpoint_every)
        self._profile(progress.step)
        while progress.step < total and not progress.finished:
            start = progress.step
            stop = min(total, *((start // n + 1) * n for n in intervals), *self._cuts(start))
            report = self.loop.run(batches, stop - start, self.stop.received)
            self._check_finite(report, start)
            if self.checkpoints:
                self.checkpoints.check()
            self._profile(stop)
            sums = collections.Counter(progress.sums)
            sums.update(report.sums)
            loss = mean_values(sums)["loss"]
            self.log.advance(stop - start, loss, report.sums, report.wait_seconds)
            progress = dataclasses.replace(
                progress, step=stop, finished=stop == total, sums=dict(sums)
            )
            evaluating = has_dev and (stop % eval_every == 0 or stop == total)
            if stop % train.log_every == 0 or evaluating or stop == total:
                self._log(report, sums, stop)
                progress = dataclasses.replace(progress, sums={})
            with self.log.paused():
                if evaluating:
                    progress = self._evaluate(progress)
                if stop % train.checkpoint_every == 0 or progress.finished or report.stop:
                    self._save(progress)
            if report.stop and not progress.finished:
                self._leave(progress)
        if self.checkpoints:
            self.checkpoints.wait()
        return progress

    def close(self) -> None:
        """Ends what is still being recorded."""
        if self.profiler:
            self.profiler.close()

    def _cuts(self, step: int) -> list[int]:
        return [cut for cut in self.profiler.cuts if cut > step] if self.profiler else []

    def _profile(self, step: int) -> None:
        if self.profiler:
            self.profiler.reached(step)

    def _save(self, progress: Progress) -> None:
        if self.checkpoints:
            path = self.checkpoints.save(progress)
            self.log.event("checkpoint", progress.step, path=str(path))

    def _leave(self, progress: Progress) -> None:
        """Stops all workers, once the state is on the disk."""
        if self.checkpoints:
            self.checkpoints.wait()
        self.workers.wait()
        raise PreemptedError(
            f"asked to stop (SIGTERM): saved after step {progress.step}; the same command resumes"
        )

    def _check_finite(self, report: LoopReport, start: int) -> None:
        bad = np.flatnonzero(report.diverged)
        if not bad.size:
            return
        step, loss = start + int(bad[0]), float(report.losses[bad[0]])
        what = "a gradient is not finite" if math.isfinite(loss) else f"the loss is {loss}"
        rows = self.source.describe_step(step)
        newest = self.checkpoints.newest() if self.checkpoints else None
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
        """Scores on the chief; all go on from what it found."""
        if self.evaluator is not None:
            progress = self._judge(progress, self.evaluator().values)
        return Progress(**self.workers.from_chief(dataclasses.asdict(progress)))

    def _judge(self, progress: Progress, values: Mapping[str, float]) -> Progress:
        self.log.write_dev(progress.step, values)
        metric = self.config.train.metric or self.config.metrics[0]
        value = values[metric]
        if math.isfinite(value) and self._better(metric, value, progress.best_metric):
            progress = dataclasses.replace(
                progress, best_metric=value, best_step=progress.step, stale_evaluations=0
            )
            if self.checkpoints:
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
        lower = metric.rpartition("/")[2] in LOWER_IS_BETTER
        return value < best if lower else value > best

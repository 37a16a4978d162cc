"""Brings a trial to its end: its runs, their dev scores, and what Optuna is told."""

import math
import pathlib
import re
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from typing import Any

from keras_bert_cls.launching.exit_codes import USER_ERRORS, describe
from keras_bert_cls.sweep.config_fields import as_flags, changed_values, with_values
from keras_bert_cls.sweep.dev_scores import DevScores, best_score
from keras_bert_cls.sweep.devices import visible_gpus, worker_environment
from keras_bert_cls.sweep.options import SweepOptions
from keras_bert_cls.sweep.study import ClaimedTrial, SweepStudy
from keras_bert_cls.sweep.trial_process import RunEnd, run_process
from keras_bert_cls.training.config import FinetuneConfig

TRAINER = (sys.executable, "-m", "keras_bert_cls.cli.finetune")

_LAST_WORDS = 5
_MESSAGE = re.compile(r"bertcls-\w+: ")


class _NotFinishedError(Exception):
    """A run did not come to its end.

    Attributes:
      state: what its trial is therefore: "PRUNED", "FAIL", or "RUNNING" if it is to go on later.
    """

    def __init__(self, state: str, message: str = ""):
        super().__init__(message)
        self.state = state


class TrialRunner:
    """Runs trials, from several threads.

    Args:
      folder: of the sweep; trial 7 has trials/0007 and logs/0007.log.
      config_file: with get_config(), which every run is given.
      file_config: what it gives.
      config: with the sweep's own overrides.
      metric: of dev, which is looked at.
      study: is told.
      options: how the sweep goes about.
      stop: is set when the sweep is to end.
      trainer: the program and arguments that stand before --config.
    """

    def __init__(
        self,
        folder: pathlib.Path,
        config_file: str,
        file_config: FinetuneConfig,
        config: FinetuneConfig,
        metric: str,
        study: SweepStudy,
        options: SweepOptions,
        stop: threading.Event,
        trainer: Sequence[str] = TRAINER,
    ):
        self._folder, self._config_file = folder, config_file
        self._file_config, self._config = file_config, config
        self._metric, self._study, self._options, self._stop = metric, study, options, stop
        self._trainer = trainer
        self._gpus = visible_gpus()

    def workdir(self, trial: int) -> pathlib.Path:
        """Returns the folder of a trial; with several seeds their workdirs are in it."""
        return self._folder / "trials" / f"{trial:04}"

    def overrides(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Returns the fields in which a trial's config differs from the file's."""
        return changed_values(self._file_config, with_values(self._config, values))

    def run(self, claimed: ClaimedTrial, worker: int) -> None:
        """Runs a trial until it is finished, pruned or failed, or the sweep is to end."""
        start = time.monotonic() - claimed.trial.user_attrs.get("seconds", 0.0)
        try:
            scores = [self._run_seed(claimed, seed, worker) for seed in range(self._options.seeds)]
        except _NotFinishedError as error:
            state, score, message = error.state, None, str(error)
        else:
            state, score, message = "COMPLETE", sum(scores) / len(scores), ""
        self._study.note(claimed, seconds=round(time.monotonic() - start, 1), message=message)
        if state != "RUNNING":
            self._study.finish(claimed, state, score)

    def _run_seed(self, claimed: ClaimedTrial, seed: int, worker: int) -> float:
        """Returns the best dev score of a run."""
        workdir, values = self.workdir(claimed.number), dict(claimed.values)
        if self._options.seeds > 1:
            workdir /= f"seed-{seed}"
            values["seed"] = self._config.seed + seed
        workdir.parent.mkdir(parents=True, exist_ok=True)
        scores = DevScores(workdir, self._metric)
        command = [
            *self._trainer,
            f"--config={self._config_file}",
            f"--workdir={workdir}",
            *as_flags(self.overrides(values)),
        ]
        for _ in range(1 + self._options.max_restarts):
            pruning = _Pruning(self._study, claimed, scores) if seed == 0 else None
            end = self._run(command, claimed, worker, pruning)
            if end.code == 0:
                break
            if pruning is not None and pruning.decided:
                evaluations = len(scores.read())
                raise _NotFinishedError("PRUNED", f"pruned after evaluation {evaluations}")
            if self._stop.is_set():
                raise _NotFinishedError("RUNNING", "interrupted")
            if end.code in USER_ERRORS:
                break
        if end.code:
            raise _NotFinishedError("FAIL", _failure(end))
        if not (finite := list(filter(math.isfinite, scores.read()))):
            raise _NotFinishedError("FAIL", f"the run has no finite {self._metric} on dev")
        return best_score(self._metric, finite)

    def _run(
        self,
        command: Sequence[str],
        claimed: ClaimedTrial,
        worker: int,
        pruning: "_Pruning | None",
    ) -> RunEnd:
        return run_process(
            command,
            worker_environment(worker, self._options.workers, self._gpus),
            self._folder / "logs" / f"{claimed.number:04}.log",
            lambda: self._stop.is_set() or (pruning is not None and pruning.decide()),
            self._options.grace_seconds,
        )


class _Pruning:
    """Tells Optuna the scores of a run as they come, and asks it whether to go on."""

    def __init__(self, study: SweepStudy, claimed: ClaimedTrial, scores: DevScores):
        self._study, self._claimed, self._scores = study, claimed, scores
        self._told = 0
        self.decided = False

    def decide(self) -> bool:
        """Returns whether the trial is to be pruned."""
        scores = self._scores.read()
        if len(scores) > self._told:
            self._told = len(scores)
            self.decided = self._study.report(self._claimed, scores)
        return self.decided


def _failure(end: RunEnd) -> str:
    """Returns what a run said when it failed: a program's error message, or its last lines."""
    starts = [at for at, line in enumerate(end.last_words) if _MESSAGE.match(line)]
    words = end.last_words[starts[-1] :] if starts else end.last_words[-_LAST_WORDS:]
    return "\n".join([f"the run {describe(end.code)}", *words])

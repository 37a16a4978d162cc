"""A sweep: trials of a config, several at once, until enough of them are done."""

import concurrent.futures
import json
import os
import pathlib
import signal
import threading
from collections.abc import Callable, Sequence

from keras_bert_cls.errors import UserError
from keras_bert_cls.launching.happenings import (
    Happenings,
    StopRequested,
    WorkerExited,
    stop_signals_to,
)
from keras_bert_cls.sweep.config_fields import check_space, field_values
from keras_bert_cls.sweep.dev_scores import is_minimized, sweep_metric
from keras_bert_cls.sweep.options import SweepOptions
from keras_bert_cls.sweep.results import (
    BEST_CONFIG,
    TABLE,
    final_score,
    remove_weights,
    told_table,
    write_best_config,
    write_table,
)
from keras_bert_cls.sweep.space import Space
from keras_bert_cls.sweep.study import ClaimedTrial, SweepStudy, require_optuna
from keras_bert_cls.sweep.trial_runner import TRAINER, TrialRunner
from keras_bert_cls.training.config import FinetuneConfig
from keras_bert_cls.training.config_check import check_config
from keras_bert_cls.training.config_json import config_differences, config_to_json
from keras_bert_cls.training.run_options import PREEMPTED

_FINISHED = ("COMPLETE", "PRUNED", "FAIL")


class Sweep:
    """Searches the best values of a config's fields by their scores on dev.

    The same sweep again, after it was stopped or killed, goes on: finished trials stay, interrupted
    ones continue from their checkpoints. Several processes may work on one folder.

    Args:
      config_file: Python with get_config().
      file_config: what it gives.
      config: the same with overrides of the command line.
      space: what trials may change.
      folder: of the sweep.
      options: how to go about.
      report: is told what happens.
      command: the sweep's command line, for best_config.py.
      trainer: the program that trains, and its first arguments.

    Raises:
      UserError: config, space and folder do not go together, or Optuna is missing.
    """

    def __init__(
        self,
        config_file: str,
        file_config: FinetuneConfig,
        config: FinetuneConfig,
        space: Space,
        folder: pathlib.Path,
        options: SweepOptions,
        report: Callable[[str], None] = print,
        command: Sequence[str] = (),
        trainer: Sequence[str] = TRAINER,
    ):
        require_optuna()
        check_config(config)
        self._metric = sweep_metric(config)
        check_space(space, config, options.seeds)
        self._config_file, self._space, self._folder = config_file, space, folder
        self._options, self._report, self._command = options, report, command
        self._minimize = is_minimized(self._metric)
        _claim_folder(folder, config, space, options)
        self._study = SweepStudy(folder, space, field_values(config), self._minimize, options)
        self._stop = threading.Event()
        self._runner = TrialRunner(
            folder,
            config_file,
            file_config,
            config,
            self._metric,
            self._study,
            options,
            self._stop,
            trainer,
        )

    def run(self) -> int:
        """Runs trials until enough are done; SIGTERM and Ctrl-C let the runs save, and end it.

        Returns:
          0; 42 if it was stopped before the end: the same sweep again goes on.

        Raises:
          UserError: no trial came to its end.
        """
        happenings = Happenings()
        workers = self._options.workers
        with concurrent.futures.ThreadPoolExecutor(workers) as pool, stop_signals_to(happenings):
            futures = [pool.submit(self._work, worker, happenings) for worker in range(workers)]
            self._await(happenings, workers)
            for future in futures:
                future.result()
        self._write_results()
        if self._stop.is_set():
            self._report("stopped; the same command goes on where this one was")
            return PREEMPTED
        self._tell_end()
        return 0

    def _await(self, happenings: Happenings, workers: int) -> None:
        while workers:
            happening = happenings.next(None)
            if isinstance(happening, WorkerExited):
                workers -= 1
            elif isinstance(happening, StopRequested) and not self._stop.is_set():
                seconds = self._options.grace_seconds
                name = signal.Signals(happening.signal).name
                self._report(f"{name}: the runs have {seconds:g} s to save and stop")
                self._stop.set()

    def _work(self, worker: int, happenings: Happenings) -> None:
        try:
            while not self._stop.is_set() and (claimed := self._study.claim()) is not None:
                try:
                    self._run_trial(claimed, worker)
                finally:
                    claimed.release()
        except BaseException:
            self._stop.set()
            raise
        finally:
            happenings.put(WorkerExited(worker, 0))

    def _run_trial(self, claimed: ClaimedTrial, worker: int) -> None:
        begins = "goes on" if claimed.restarted else "begins"
        values = ", ".join(f"{name}={value}" for name, value in claimed.values.items())
        self._report(f"trial {claimed.number} {begins}: {values}")
        self._runner.run(claimed, worker)
        self._write_results()
        trial = self._study.trials()[claimed.number]
        told = trial.user_attrs.get("message", "")
        if (score := final_score(trial)) is not None:
            best = self._study.best()
            assert best is not None
            told = f"{self._metric} {score:.4f}; best {best.value:.4f}, of trial {best.number}"
        self._report(f"trial {claimed.number}: {told}")

    def _write_results(self) -> None:
        with self._study.exclusive():
            begun, best = self._study.begun(), self._study.best()
            write_table(self._folder / TABLE, begun, list(self._space), self._runner.workdir)
            if best is not None:
                write_best_config(
                    self._folder / BEST_CONFIG,
                    base=self._config_file,
                    overrides=self._runner.overrides(self._study.values_of(best.params)),
                    best=best,
                    trials=len(begun),
                    metric=self._metric,
                    command=self._command,
                )
            if self._options.keep_checkpoints:
                return
            for trial in begun:
                if trial.state.name in _FINISHED and (best is None or trial.number != best.number):
                    remove_weights(self._runner.workdir(trial.number))

    def _tell_end(self) -> None:
        begun, best = self._study.begun(), self._study.best()
        running = [trial.number for trial in begun if trial.state.name == "RUNNING"]
        if running:
            self._report(f"other processes are at trials {', '.join(map(str, running))}")
        if best is None:
            if running:
                return
            last = begun[-1].user_attrs.get("message", "") if begun else ""
            raise UserError(
                f"none of the {len(begun)} trials came to its end; see {self._folder / 'logs'}. "
                f"The last: {last}"
            )
        fields = list(self._space)
        self._report("\n" + told_table(begun, fields, self._metric, minimize=self._minimize))
        if importance := self._study.importance():
            shares = ", ".join(f"{name} {share:.0%}" for name, share in importance.items())
            self._report(f"\nimportance: {shares}")
        if not self._options.keep_checkpoints:
            self._report("the weights of all trials but the best were removed (--keep_checkpoints)")
        self._report(
            f"\nbest: {self._metric} {best.value:.4f}, trial {best.number} in "
            f"{self._runner.workdir(best.number)}\nits config: {self._folder / BEST_CONFIG}"
        )


def _claim_folder(
    folder: pathlib.Path, config: FinetuneConfig, space: Space, options: SweepOptions
) -> None:
    """Makes the folder of a new sweep, or checks that it belongs to this one."""
    content = json.loads(config_to_json(config))
    content["space"] = {name: repr(domain) for name, domain in space.items()}
    content["seeds"] = options.seeds
    wanted = json.dumps(content, ensure_ascii=False, indent=2) + "\n"
    path = folder / "sweep.json"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            _write_once(path, wanted)
        there = path.read_text(encoding="utf-8")
    except OSError as error:
        raise UserError(f"--sweepdir {folder}: {error.strerror}") from error
    if there != wanted:
        differences = "".join(f"  {line}\n" for line in config_differences(there, wanted))
        raise UserError(
            f"{folder} belongs to a sweep with another config or space:\n{differences}"
            "Give another --sweepdir, or the old ones to go on."
        )


def _write_once(path: pathlib.Path, text: str) -> None:
    """Writes a file whole, unless another process has by now."""
    temporary = path.with_name(f".writing-{os.getpid()}-{path.name}")
    temporary.write_text(text, encoding="utf-8")
    try:
        os.link(temporary, path)
    except FileExistsError:
        pass
    finally:
        temporary.unlink()

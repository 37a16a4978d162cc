"""The trials of a sweep in Optuna, stored in a file that several processes may share."""

import contextlib
import fcntl
import pathlib
import threading
import warnings
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from keras_bert_cls.errors import UserError
from keras_bert_cls.sweep.options import SweepOptions
from keras_bert_cls.sweep.space import Choices, Domain, Integers, LogUniform, Space

if TYPE_CHECKING:
    import optuna

_NAME = "sweep"
_PLAIN = (bool, int, float, str)
_LEAST_FOR_IMPORTANCE = 4


def require_optuna() -> None:
    """Raises UserError where Optuna is missing."""
    try:
        import optuna  # noqa: F401
    except ImportError as error:
        raise UserError(
            "bertcls-sweep needs optuna: pip install 'keras_bert_cls[sweep]'"
        ) from error


class ClaimedTrial:
    """A trial that this process runs; others leave it alone while it lives.

    Attributes:
      trial: Optuna's.
      values: of the fields.
      restarted: whether an earlier process began it.
    """

    def __init__(self, trial: "optuna.Trial", values: dict[str, Any], restarted: bool, lock: Any):
        self.trial, self.values, self.restarted = trial, values, restarted
        self._lock = lock

    @property
    def number(self) -> int:
        """Counts from 0."""
        return self.trial.number

    def release(self) -> None:
        """Lets other processes have it, if it is not finished."""
        self._lock.close()


class SweepStudy:
    """The trials of a sweep.

    Args:
      folder: of the sweep.
      space: what trials may change.
      baseline: the values that the config has; the first trial, if they are in the space.
      minimize: whether low scores are good.
      options: how the sweep goes about.
    """

    def __init__(
        self,
        folder: pathlib.Path,
        space: Space,
        baseline: Mapping[str, Any],
        minimize: bool,
        options: SweepOptions,
    ):
        import optuna
        from optuna.storages.journal import JournalFileBackend

        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self._folder, self._space, self._limit = folder, space, options.trials
        self._lock = threading.Lock()
        self._locks = folder / "locks"
        self._locks.mkdir(parents=True, exist_ok=True)
        self._distributions = {name: _distribution(domain) for name, domain in space.items()}
        storage = optuna.storages.JournalStorage(JournalFileBackend(str(folder / "trials.journal")))
        with self.exclusive():
            self._study = optuna.create_study(
                storage=storage,
                study_name=_NAME,
                direction="minimize" if minimize else "maximize",
                load_if_exists=True,
                pruner=_pruner(options.pruner),
            )
            begun = len(self.trials())
            # With other draws than the earlier calls had.
            self._study.sampler = _sampler(options.seed + begun, options.workers)
            if not begun:
                self._enqueue(baseline)

    @contextlib.contextmanager
    def exclusive(self) -> Iterator[None]:
        """Keeps other threads and processes of this sweep out."""
        with self._lock, open(self._locks / "sweep", "w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def trials(self) -> "list[optuna.trial.FrozenTrial]":
        """Returns all trials, by number."""
        return self._study.get_trials(deepcopy=False)

    def begun(self) -> "list[optuna.trial.FrozenTrial]":
        """Returns the trials that were started, by number."""
        return [trial for trial in self.trials() if trial.state.name != "WAITING"]

    def best(self) -> "optuna.trial.FrozenTrial | None":
        """Returns the finished trial with the best score; None if there is none."""
        finished = [trial for trial in self.trials() if trial.state.name == "COMPLETE"]
        return self._study.best_trial if finished else None

    def claim(self) -> ClaimedTrial | None:
        """Takes a trial that was interrupted, or else a new one; None if enough were begun."""
        import optuna

        with self.exclusive():
            begun = self.begun()
            for frozen in begun:
                if frozen.state.name == "RUNNING" and (lock := self._try_lock(frozen.number)):
                    trial = optuna.Trial(self._study, frozen._trial_id)
                    return ClaimedTrial(trial, self.values_of(frozen.params), True, lock)
            if len(begun) >= self._limit:
                return None
            trial = self._study.ask(self._distributions)
            lock = self._try_lock(trial.number)
            return ClaimedTrial(trial, self.values_of(trial.params), False, lock)

    def values_of(self, parameters: Mapping[str, Any]) -> dict[str, Any]:
        """Returns the values of fields for what Optuna calls them."""
        return {name: _value(self._space[name], parameters[name]) for name in self._space}

    def report(self, claimed: ClaimedTrial, scores: list[float]) -> bool:
        """Tells the scores of a trial's evaluations so far; returns whether to prune it."""
        with self.exclusive():
            known = self.trials()[claimed.number].intermediate_values
            for evaluation, score in enumerate(scores, 1):
                if evaluation not in known and score == score:  # no NaN
                    claimed.trial.report(score, evaluation)
            return claimed.trial.should_prune()

    def note(self, claimed: ClaimedTrial, **notes: Any) -> None:
        """Keeps something that is to be known of a trial."""
        with self.exclusive():
            for name, value in notes.items():
                claimed.trial.set_user_attr(name, value)

    def finish(self, claimed: ClaimedTrial, state: str, score: float | None = None) -> None:
        """Ends a trial as "COMPLETE" with a score, "PRUNED" or "FAIL"."""
        import optuna

        with self.exclusive():
            self._study.tell(claimed.number, score, state=optuna.trial.TrialState[state])

    def importance(self) -> dict[str, float]:
        """Returns how much of the scores' differences each field explains; {} for few trials."""
        import optuna

        complete = [trial for trial in self.trials() if trial.state.name == "COMPLETE"]
        if len(complete) < _LEAST_FOR_IMPORTANCE or len({trial.value for trial in complete}) < 2:
            return {}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            evaluator = optuna.importance.PedAnovaImportanceEvaluator()
            return dict(optuna.importance.get_param_importances(self._study, evaluator=evaluator))

    def _enqueue(self, baseline: Mapping[str, Any]) -> None:
        parameters = {
            name: _parameter(domain, baseline[name]) for name, domain in self._space.items()
        }
        inside = all(_holds(domain, baseline[name]) for name, domain in self._space.items())
        if inside:
            self._study.enqueue_trial(parameters)

    def _try_lock(self, number: int) -> Any:
        """Returns the open lock file of a trial; None if a process that lives has it."""
        file = open(self._locks / f"{number:04}", "w")  # noqa: SIM115 - held while the trial runs
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.close()
            return None
        return file


def _distribution(domain: Domain) -> "optuna.distributions.BaseDistribution":
    from optuna import distributions

    if isinstance(domain, Choices):
        return distributions.CategoricalDistribution([_parameter(domain, v) for v in domain.values])
    if isinstance(domain, Integers):
        return distributions.IntDistribution(int(domain.low), int(domain.high))
    is_log = isinstance(domain, LogUniform)
    return distributions.FloatDistribution(float(domain.low), float(domain.high), log=is_log)


def _parameter(domain: Domain, value: Any) -> Any:
    """Returns what Optuna calls a value: itself, or its text where it is no plain value."""
    return repr(value) if isinstance(domain, Choices) and not isinstance(value, _PLAIN) else value


def _value(domain: Domain, parameter: Any) -> Any:
    if isinstance(domain, Choices):
        return next(v for v in domain.values if _parameter(domain, v) == parameter)
    return parameter


def _holds(domain: Domain, value: Any) -> bool:
    return (
        value in domain.values
        if isinstance(domain, Choices)
        else domain.low <= value <= domain.high
    )


def _sampler(seed: int, workers: int) -> "optuna.samplers.BaseSampler":
    import optuna

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # In Optuna 4 constant_liar is called experimental.
        return optuna.samplers.TPESampler(seed=seed, constant_liar=workers > 1)


def _pruner(name: str) -> "optuna.pruners.BasePruner":
    import optuna

    match name:
        case "median":
            return optuna.pruners.MedianPruner()
        case "hyperband":
            return optuna.pruners.HyperbandPruner()
    return optuna.pruners.NopPruner()

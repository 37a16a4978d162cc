"""Which task each step of a multi-task run learns: a function of (seed, step)."""

import dataclasses
from collections.abc import Iterator

import numpy as np

from keras_bert_cls.data.config import choice_problem

KINDS = ("proportional", "temperature", "uniform", "annealed")

_STREAM = 0x7A5C  # tells these draws from others of the same seed
_WINDOW = 128


@dataclasses.dataclass
class SamplingConfig:
    """How often each task is learned.

    Attributes:
      kind: "proportional" to the training rows n of each task, "temperature": to n ** alpha,
        "uniform", or "annealed": to n ** a, with a falling from 1 at the first step to alpha at the
        last (Stickland and Murray 2019, https://arxiv.org/abs/1902.02671, section 3.3): large tasks
        first, then all about equally.
      alpha: between 0 (uniform) and 1 (proportional); None is 0.5 for "temperature", and for
        "annealed" the paper's 0.2. The other kinds have none.
    """

    kind: str = "proportional"
    alpha: float | None = None

    def problems(self) -> list[str]:
        """Returns what is wrong with the config, a sentence each; empty if all is well."""
        found = choice_problem("kind", self.kind, KINDS)
        if self.alpha is None:
            return found
        if self.kind in ("proportional", "uniform"):
            found.append(f"alpha is {self.alpha}, but sampling of kind {self.kind!r} has none")
        if not 0 <= self.alpha <= 1:
            found.append(f"alpha must be in [0, 1], got {self.alpha}")
        return found

    def exponents(self, places: np.ndarray) -> np.ndarray:
        """Returns the power of the rows, float64 [n], at places in the run, from 0 to 1."""
        first, last = {
            "proportional": (1.0, 1.0),
            "temperature": (0.5, 0.5),
            "uniform": (0.0, 0.0),
            "annealed": (1.0, 0.2),
        }[self.kind]
        if self.alpha is not None:
            first, last = (1.0 if self.kind == "annealed" else self.alpha), self.alpha
        return first + (last - first) * np.asarray(places, np.float64)


@dataclasses.dataclass(frozen=True)
class TaskDraws:
    """Draws a task for each step.

    The chance of a task at a step is what the config says. The draws of 128 steps in a row are
    stratified: a task whose chance is p comes up 128 p times in them, give or take 2, so that
    small tasks are not left to luck.

    Attributes:
      sizes: training rows of each task.
      sampling: how often each is drawn.
      steps: of the run; only "annealed" looks at them.
      seed: at least 0.
      extra_share: chance of one more task, the last, whose rows do not count; 0 for none.
    """

    sizes: tuple[int, ...]
    sampling: SamplingConfig
    steps: int
    seed: int = 0
    extra_share: float = 0.0

    def chances(self, steps: np.ndarray) -> np.ndarray:
        """Returns the chance of each task at `steps` [n], float64 [n, tasks]."""
        # The first of the run's steps is at 0, the last at 1; a run of one step is at its start.
        places = np.clip(np.asarray(steps) / max(1, self.steps - 1), 0, 1)
        exponents = self.sampling.exponents(places)[:, np.newaxis]
        # Rows as a part of the largest task's: no power of them is too large.
        parts = np.asarray(self.sizes, np.float64) / max(self.sizes)
        weights = parts**exponents
        chances = weights / weights.sum(axis=1, keepdims=True)
        if not self.extra_share:
            return chances
        extra = np.full((len(chances), 1), self.extra_share)
        return np.concatenate([chances * (1 - self.extra_share), extra], axis=1)

    def tasks(self, start: int, stop: int) -> np.ndarray:
        """Returns the number of the task of each step in [start, stop), int64."""
        windows = range(start // _WINDOW, -(-stop // _WINDOW))
        drawn = [self._window(window) for window in windows]
        found = np.concatenate([np.zeros(0, np.int64), *drawn])
        before = windows.start * _WINDOW
        return found[start - before : stop - before]

    def tasks_from(self, start: int) -> Iterator[int]:
        """Yields the task of each step from `start` on, without end."""
        while True:
            stop = (start // _WINDOW + 1) * _WINDOW
            yield from self.tasks(start, stop).tolist()
            start = stop

    def counts(self, step: int) -> list[int]:
        """Returns how often each task was drawn before a step."""
        tasks = len(self.sizes) + bool(self.extra_share)
        return np.bincount(self.tasks(0, step), minlength=tasks).tolist()

    def _window(self, window: int) -> np.ndarray:
        random = np.random.default_rng((self.seed, _STREAM, window))
        draws = (random.permutation(_WINDOW) + random.random(_WINDOW)) / _WINDOW
        steps = np.arange(window * _WINDOW, (window + 1) * _WINDOW)
        borders = np.cumsum(self.chances(steps), axis=1)[:, :-1]
        return (draws[:, np.newaxis] >= borders).sum(axis=1)

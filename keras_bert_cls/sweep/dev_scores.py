"""The dev scores of a run, as its metrics.jsonl has them so far."""

import json
import math
import pathlib

from keras_bert_cls.errors import UserError
from keras_bert_cls.training.config import LOWER_IS_BETTER, FinetuneConfig


def sweep_metric(config: FinetuneConfig) -> str:
    """Returns the metric that chooses the best checkpoint of a run, and the best trial.

    Raises:
      UserError: there is no dev data to measure it on.
    """
    if not config.data.dev_files:
        raise UserError(
            "--config.data.dev_files names no data: trials are compared by their scores on dev"
        )
    return config.train.metric or config.metrics[0]


def is_minimized(metric: str) -> bool:
    """Returns whether lower values of a metric are better."""
    return metric in LOWER_IS_BETTER


def best_score(metric: str, scores: list[float]) -> float:
    """Returns the best of some finite scores."""
    return min(scores) if is_minimized(metric) else max(scores)


class DevScores:
    """Reads metrics.jsonl of a run as it grows; a resumed run may cut and rewrite its end.

    Args:
      workdir: of the run; need not be there yet.
      metric: whose values to read.
    """

    def __init__(self, workdir: pathlib.Path, metric: str):
        self._path, self._metric = workdir / "metrics.jsonl", metric
        self._state: tuple[int, int] | None = None
        self._scores: list[float] = []

    def read(self) -> list[float]:
        """Returns the score of each evaluation so far; NaN where it was not finite.

        The file is read only where it changed.
        """
        try:
            state = self._path.stat()
        except FileNotFoundError:
            return []
        if (state.st_size, state.st_mtime_ns) != self._state:
            self._state = (state.st_size, state.st_mtime_ns)
            lines = self._path.read_bytes().split(b"\n")[:-1]  # The last one may be half a line.
            values = [json.loads(line) for line in lines]
            self._scores = [
                math.nan if line[self._metric] is None else float(line[self._metric])
                for line in values
                if line.get("kind") == "dev"
            ]
        return self._scores

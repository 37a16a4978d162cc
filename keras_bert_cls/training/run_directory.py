"""The folder of a run: one config, one run; the same config again resumes it."""

import os
import pathlib

from keras_bert_cls.errors import UserError
from keras_bert_cls.training.config import RunConfig, config_to_json


class RunDirectory:
    """Names the files of a run.

    Attributes:
      path: the folder.
    """

    def __init__(self, path: str | os.PathLike):
        self.path = pathlib.Path(path)

    @classmethod
    def open(cls, path: str | os.PathLike, config: RunConfig) -> "RunDirectory":
        """Makes the folder of a new run, or opens that of a run with the same config.

        Raises:
          UserError: the folder belongs to a run with another config, or can't be made.
        """
        run = cls(path)
        wanted = config_to_json(config)
        try:
            run.path.mkdir(parents=True, exist_ok=True)
            if not run.config.exists():
                run.config.write_text(wanted, encoding="utf-8")
        except OSError as error:
            raise UserError(f"--workdir {path}: {error.strerror}") from error
        there = run.config.read_text(encoding="utf-8")
        if there != wanted:
            raise UserError(
                f"{run.path} belongs to a run with another config:\n"
                f"{_difference(there, wanted)}\n"
                "Give another --workdir, or the old config to resume."
            )
        return run

    @property
    def config(self) -> pathlib.Path:
        """The config as used, JSON."""
        return self.path / "config.json"

    @property
    def checkpoints(self) -> pathlib.Path:
        """The folder of checkpoints."""
        return self.path / "checkpoints"

    @property
    def metrics(self) -> pathlib.Path:
        """What was measured, a JSON object a line."""
        return self.path / "metrics.jsonl"

    @property
    def tensorboard(self) -> pathlib.Path:
        """The folder of TensorBoard's event files."""
        return self.path / "tensorboard"

    @property
    def scores(self) -> pathlib.Path:
        """Scores of the finished model, JSON."""
        return self.path / "scores.json"

    def store(self, split: str) -> pathlib.Path:
        """The folder of a split's token store."""
        return self.path / "data" / split


def _difference(there: str, wanted: str) -> str:
    old, new = there.splitlines(), wanted.splitlines()
    lines = [f"  there: {line.strip()}" for line in old if line not in new]
    lines += [f"  given: {line.strip()}" for line in new if line not in old]
    return "\n".join(lines[:20])

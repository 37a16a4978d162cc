"""The folder of a run: one config, one run; the same config again resumes it."""

import os
import pathlib

from keras_bert_cls.atomic_file import write_text_whole
from keras_bert_cls.errors import UserError
from keras_bert_cls.modeling.trained_model import MODEL_FILE
from keras_bert_cls.training.config_json import (
    config_differences,
    config_from_json,
    config_to_json,
    with_defaults,
)
from keras_bert_cls.training.run_config import RunConfig

_MOST_DIFFERENCES = 20


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
                # A config that a kill cut in half would lock its run out.
                write_text_whole(run.config, wanted)
            there = with_defaults(run.config.read_text(encoding="utf-8"))
        except OSError as error:
            raise UserError(f"--workdir {path}: {error.strerror}") from error
        if there != wanted:
            differences = config_differences(there, wanted)[:_MOST_DIFFERENCES]
            raise UserError(
                f"{run.path} belongs to a run with another config:\n"
                + "".join(f"  {difference}\n" for difference in differences)
                + "Give another --workdir, or the old config to resume."
            )
        return run

    @property
    def config(self) -> pathlib.Path:
        """The config as used, JSON."""
        return self.path / "config.json"

    def read_config(self) -> RunConfig | None:
        """Returns the config as used; None if there is none, as in a folder of an imported model.

        Raises:
          UserError: config.json is no config.
        """
        if not self.config.exists():
            return None
        try:
            return config_from_json(self.config.read_text(encoding="utf-8"))
        except UserError as error:
            raise UserError(f"{self.config}: {error}") from error

    @property
    def is_finished(self) -> bool:
        """Whether the run has come to its end: model.keras is the last file that it writes."""
        return (self.path / MODEL_FILE).exists()

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

    @property
    def scores_before(self) -> pathlib.Path:
        """Scores of the model that the finished one is compared with, JSON."""
        return self.path / "scores_before.json"

    def stores(self, split: str, worker: int = 0) -> list[pathlib.Path]:
        """Where a split's token store may be.

        A worker without the chief's folder, or whose files have other dates, makes its own.

        Args:
          split: "train", "dev" or "test".
          worker: the worker's number; 0 is the chief.
        """
        folder = self.path / "data"
        return [folder / split, *([folder / f"worker-{worker}" / split] if worker else [])]

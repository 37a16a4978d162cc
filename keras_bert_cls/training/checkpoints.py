"""Checkpoints: whole or not there, checked when read, the newest valid one wins."""

import dataclasses
import hashlib
import json
import logging
import os
import pathlib
import re
import shutil

import tensorflow as tf

from keras_bert_cls.errors import UserError

_MANIFEST = "manifest.json"
_FOLDER = re.compile(r"(step|best)-\d{9}")
_logger = logging.getLogger(__name__)


@dataclasses.dataclass
class Progress:
    """What of a run is neither weight nor optimizer state.

    Attributes:
      step: updates done.
      best_metric: the best value so far; None before the first evaluation.
      best_step: where it was reached.
      stale_evaluations: evaluations since then.
      finished: whether the run ended here by early stopping or at its last step.
    """

    step: int = 0
    best_metric: float | None = None
    best_step: int = 0
    stale_evaluations: int = 0
    finished: bool = False


class Checkpoints:
    """Saves and restores training state.

    A checkpoint is a folder `step-N`: written beside and renamed, with the SHA-256 of every file in
    its manifest. The best one is kept apart, as `best-N`.

    Args:
      folder: where the checkpoints are.
      state: nested dicts of variables.
      keep: how many of the newest stay.
    """

    def __init__(self, folder: str | os.PathLike, state: dict, keep: int = 2):
        self.folder = pathlib.Path(folder)
        self._checkpoint = tf.train.Checkpoint(**state)
        self._keep = keep

    def save(self, progress: Progress) -> pathlib.Path:
        """Saves `step-N` and removes what is older than the newest `keep`.

        Raises:
          UserError: the disk is full or the folder can't be written; older checkpoints are whole.
        """
        return self._write("step", progress, self._keep)

    def save_best(self, progress: Progress) -> pathlib.Path:
        """Saves `best-N` and removes the last best one."""
        return self._write("best", progress, keep=1)

    def newest(self) -> pathlib.Path | None:
        """Returns the newest `step-N`; None if there is none."""
        return next(reversed(self._folders("step")), None)

    def restore_newest(self) -> Progress | None:
        """Restores the newest valid checkpoint; returns None if there is none.

        Raises:
          UserError: it is whole, but of other weights than the model's.
        """
        for remains in self.folder.glob(".writing-*"):  # of a save that was killed
            shutil.rmtree(remains, ignore_errors=True)
        for folder in reversed(self._folders("step")):
            problem = self._damage(folder)
            if problem is None:
                return self._restore(folder)
            _logger.warning("%s is damaged (%s): trying the one before", folder, problem)
        return None

    def restore_best(self) -> Progress | None:
        """Restores the best checkpoint; returns None if there is none."""
        folders = self._folders("best")
        if not folders:
            return None
        if problem := self._damage(folders[-1]):
            raise UserError(
                f"{folders[-1]} is damaged: {problem}. Remove the run and start it again."
            )
        return self._restore(folders[-1])

    def _folders(self, kind: str) -> list[pathlib.Path]:
        found = self.folder.glob(f"{kind}-*")
        return sorted(path for path in found if _FOLDER.fullmatch(path.name))

    def _write(self, kind: str, progress: Progress, keep: int) -> pathlib.Path:
        name = f"{kind}-{progress.step:09d}"
        target, temporary = self.folder / name, self.folder / f".writing-{name}"
        try:
            shutil.rmtree(temporary, ignore_errors=True)
            temporary.mkdir(parents=True)
            self._checkpoint.write(str(temporary / "state"))
            manifest = {
                "progress": dataclasses.asdict(progress),
                "sha256": {path.name: _digest(path) for path in sorted(temporary.iterdir())},
            }
            (temporary / _MANIFEST).write_text(json.dumps(manifest, indent=2), encoding="utf-8")
            for path in temporary.iterdir():
                _flush(path)
            shutil.rmtree(target, ignore_errors=True)
            os.rename(temporary, target)
            _flush(self.folder)
        except (OSError, tf.errors.OpError) as error:
            shutil.rmtree(temporary, ignore_errors=True)
            raise UserError(
                f"{target}: the checkpoint could not be written: {error}. Older checkpoints are "
                "whole; free some space and start the same command again to resume."
            ) from error
        for old in self._folders(kind)[:-keep]:
            shutil.rmtree(old, ignore_errors=True)
        return target

    def _damage(self, folder: pathlib.Path) -> str | None:
        try:
            manifest = json.loads((folder / _MANIFEST).read_text(encoding="utf-8"))
            for name, digest in manifest["sha256"].items():
                if _digest(folder / name) != digest:
                    return f"{name} has another SHA-256 than when it was written"
        except (OSError, ValueError, KeyError) as error:
            return str(error)
        return None

    def _restore(self, folder: pathlib.Path) -> Progress:
        try:
            self._checkpoint.read(str(folder / "state")).assert_consumed()
        except (AssertionError, ValueError) as error:
            raise UserError(
                f"{folder} does not fit the model: {error}. Was it written by another version of "
                "keras_bert_cls? Give another --workdir to start anew."
            ) from error
        manifest = json.loads((folder / _MANIFEST).read_text(encoding="utf-8"))
        return Progress(**manifest["progress"])


def _digest(path: pathlib.Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _flush(path: pathlib.Path) -> None:
    """Waits until a file, or the names in a folder, are on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

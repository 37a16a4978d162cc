"""Checkpoints: written while the run goes on; the newest valid one wins."""

import dataclasses
import logging
import os
import pathlib
import re
import shutil
import weakref
from collections.abc import Callable

import tensorflow as tf

from keras_bert_cls.errors import UserError
from keras_bert_cls.training.checkpoint_folder import (
    damage,
    read_progress,
    remove_remains,
    write_folder,
)
from keras_bert_cls.training.snapshot import MismatchError, Snapshot, flatten, read_snapshot
from keras_bert_cls.training.write_queue import WriteQueue

_TENSORS = "state"
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
      sums: what was measured since metrics were last written.
      global_batch_size: rows of an update at most; 0 before the first.
    """

    step: int = 0
    best_metric: float | None = None
    best_step: int = 0
    stale_evaluations: int = 0
    finished: bool = False
    sums: dict[str, float] = dataclasses.field(default_factory=dict)
    global_batch_size: int = 0


class Checkpoints:
    """Saves and restores training state.

    A checkpoint is a folder `step-N`: written beside and renamed, with the SHA-256 of every file in
    its manifest. The best one is kept apart, as `best-N`.

    Saving copies the variables to host memory and returns; a thread writes the copy. At most two
    copies are held: one being written, one waiting. A further save waits.

    Args:
      folder: where the checkpoints are.
      state: nested dicts of variables, of any tf.distribute strategy. What a file calls a variable
        are its keys, joined by "/".
      keep: how many of the newest stay.

    Raises:
      ValueError: two variables have the same name.
    """

    def __init__(self, folder: str | os.PathLike, state: dict, keep: int = 2):
        self.folder = pathlib.Path(folder)
        self._variables = flatten(state)
        self._keep = keep
        self._writes = WriteQueue()
        self._last_snapshot: Callable[[], Snapshot | None] = lambda: None

    def save(self, progress: Progress) -> pathlib.Path:
        """Saves `step-N` and removes what is older than the newest `keep`.

        Returns:
          The folder, there after `wait`.

        Raises:
          UserError: an earlier save failed; see `wait`.
        """
        return self._put("step", progress, self._keep)

    def save_best(self, progress: Progress) -> pathlib.Path:
        """Saves `best-N` and removes the last best one; see `save`."""
        return self._put("best", progress, keep=1)

    def wait(self) -> None:
        """Waits until everything is on the disk.

        Raises:
          UserError: a save failed: the disk is full or the folder can't be written. Older
            checkpoints are whole. The same failure is raised once, here or elsewhere.
        """
        self._writes.settle()
        self._last_snapshot = lambda: None
        self._writes.check()

    def check(self) -> None:
        """Raises what `wait` would, if a save has failed already."""
        self._writes.check()

    def close(self) -> None:
        """Does what `wait` does, and ends the thread: nothing can be saved any more."""
        self._writes.close()

    def newest(self) -> pathlib.Path | None:
        """Returns the newest `step-N`, once it is written; None if there is none."""
        self._writes.settle()
        return next(reversed(self._folders("step")), None)

    def restore_newest(self) -> Progress | None:
        """Restores the newest valid checkpoint; returns None if there is none.

        Raises:
          UserError: it is whole, but of other weights than the model's; or a save failed.
        """
        self.wait()
        remove_remains(self.folder)
        for folder in reversed(self._folders("step")):
            problem = damage(folder)
            if problem is None:
                return self._restore(folder)
            _logger.warning("%s is damaged (%s): trying the one before", folder, problem)
        return None

    def restore_best(self) -> Progress | None:
        """Restores the best checkpoint; returns None if there is none.

        Raises:
          UserError: it is damaged, or of other weights than the model's; or a save failed.
        """
        self.wait()
        folders = self._folders("best")
        if not folders:
            return None
        if problem := damage(folders[-1]):
            raise UserError(
                f"{folders[-1]} is damaged: {problem}. Remove the run and start it again."
            )
        return self._restore(folders[-1])

    def _folders(self, kind: str) -> list[pathlib.Path]:
        found = self.folder.glob(f"{kind}-*")
        return sorted(path for path in found if _FOLDER.fullmatch(path.name))

    def _put(self, kind: str, progress: Progress, keep: int) -> pathlib.Path:
        self._writes.make_room(progress.step)
        self._writes.check()
        snapshot, fields = self._snapshot(progress.step), dataclasses.asdict(progress)
        folder = self.folder / f"{kind}-{progress.step:09d}"

        def write() -> None:
            _write(folder, fields, snapshot)
            for old in self._folders(kind)[:-keep]:
                shutil.rmtree(old, ignore_errors=True)

        self._writes.put(progress.step, write)
        return folder

    def _snapshot(self, step: int) -> Snapshot:
        """Copies the variables, unless the copy of this very step is still being written."""
        snapshot = self._last_snapshot()
        if snapshot is None or snapshot.step != step:
            snapshot = Snapshot(step, self._variables)
            self._last_snapshot = weakref.ref(snapshot)
        return snapshot

    def _restore(self, folder: pathlib.Path) -> Progress:
        progress = _progress(folder)
        try:
            read_snapshot(folder / _TENSORS, self._variables)
        except (MismatchError, tf.errors.OpError) as error:
            raise UserError(
                f"{folder} does not fit the model: {error}. Was it written by another version of "
                "keras_bert_cls? Give another --workdir to start anew."
            ) from error
        return progress


def _write(folder: pathlib.Path, fields: dict, snapshot: Snapshot) -> None:
    try:
        write_folder(folder, fields, lambda inside: snapshot.write(inside / _TENSORS))
    except (OSError, tf.errors.OpError) as error:
        raise UserError(
            f"{folder}: the checkpoint could not be written: {error}. Older checkpoints are "
            "whole; free some space and start the same command again to resume."
        ) from error


def _progress(folder: pathlib.Path) -> Progress:
    fields = read_progress(folder)
    unknown = sorted(fields.keys() - {field.name for field in dataclasses.fields(Progress)})
    if unknown:
        raise UserError(
            f"{folder}/manifest.json: progress has the unknown field {unknown[0]!r}. Was it "
            "written by a newer version of keras_bert_cls? Resume with that one, or give another "
            "--workdir to start anew."
        )
    return Progress(**fields)

"""metrics.jsonl: what a run measured, a JSON object a line, each step once."""

import json
import os
import pathlib
from collections.abc import Mapping
from typing import Any

from keras_bert_cls.errors import UserError
from keras_bert_cls.training.json_line import json_line


class MetricsFile:
    """Appends lines that are on the disk when `write` returns.

    On resuming, what was written after the checkpoint is cut off: those steps come again.

    Args:
      path: the file; it need not be there.
      start_step: updates done when the program starts.

    Raises:
      UserError: the file holds something else, or can't be written.
    """

    def __init__(self, path: pathlib.Path, start_step: int):
        self._path = path
        try:
            # Cut, not copied: that needs no space on a disk that is full.
            with open(path, "a+b") as file:
                file.truncate(self._end_of(start_step))
                os.fsync(file.fileno())
        except OSError as error:
            raise self._not_writable(error) from error

    def write(self, values: Mapping[str, Any]) -> None:
        """Appends a line.

        Args:
          values: `step`, which no later line falls below, and what was measured.

        Raises:
          UserError: the disk is full, or the file can't be written.
        """
        try:
            with open(self._path, "a", encoding="utf-8") as file:
                file.write(json_line(values))
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise self._not_writable(error) from error

    def _end_of(self, step: int) -> int:
        """Returns where the lines up to a step end, in bytes."""
        end = 0
        with open(self._path, "rb") as file:
            for number, line in enumerate(file, 1):
                # A kill may leave half a line, the last one.
                if not line.endswith(b"\n") or self._step_of(line, number) > step:
                    break
                end += len(line)
        return end

    def _step_of(self, line: bytes, number: int) -> int:
        try:
            return int(json.loads(line)["step"])
        except (ValueError, TypeError, KeyError) as error:
            raise UserError(
                f"{self._path}:{number}: expected a JSON object with a step, as a run writes it, "
                f"got {line[:80]!r}. Restore the file, or move it away: the run resumes without it."
            ) from error

    def _not_writable(self, error: OSError) -> UserError:
        return UserError(
            f"{self._path}: the metrics could not be written: {error.strerror}. The checkpoints "
            "are whole; free some space and start the same command again to resume."
        )

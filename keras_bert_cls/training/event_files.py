"""TensorBoard's event files of a run, each step once."""

import os
import pathlib
from collections.abc import Mapping

import tensorflow as tf

from keras_bert_cls.errors import UserError

_FRAME = 16  # bytes that a TFRecord takes beside its content: length, and two checksums


class EventFiles:
    """Writes scalars that are on the disk when `write` returns.

    Every start of the program writes a file of its own. On resuming, the files there are cut off
    after the checkpoint: TensorBoard's writers know no purge_step any more, and readers other than
    TensorBoard would heed no SessionLog.

    Args:
      folder: where the files are; it need not be there.
      start_step: updates done when the program starts.

    Raises:
      UserError: the folder can't be written.
    """

    def __init__(self, folder: pathlib.Path, start_step: int):
        self._folder = folder
        try:
            for path in folder.glob("events.out.tfevents.*"):
                os.truncate(path, _end_of(path, start_step))
            self._writer = tf.summary.create_file_writer(str(folder))
        except (OSError, tf.errors.OpError) as error:
            raise self._not_writable(error) from error

    def write(self, step: int, values: Mapping[str, float]) -> None:
        """Writes scalars by tag.

        Args:
          step: where the run stands; no later call is below.
          values: by tag.

        Raises:
          UserError: the disk is full, or the folder can't be written.
        """
        try:
            with self._writer.as_default(step=step):
                for tag, value in values.items():
                    tf.summary.scalar(tag, value)
            self._writer.flush()
        except tf.errors.OpError as error:
            raise self._not_writable(error) from error

    def close(self) -> None:
        """Closes the file."""
        self._writer.close()

    def _not_writable(self, error: Exception) -> UserError:
        return UserError(
            f"{self._folder}: TensorBoard's events could not be written: {error}. The checkpoints "
            "are whole; free some space and start the same command again to resume."
        )


def _end_of(path: pathlib.Path, step: int) -> int:
    """Returns where the events up to a step end, in bytes."""
    end = 0
    try:
        for record in tf.data.TFRecordDataset(str(path)).as_numpy_iterator():
            if tf.compat.v1.Event.FromString(record).step > step:
                break
            end += len(record) + _FRAME
    except tf.errors.DataLossError:
        pass  # a kill cut the last event in two
    return end

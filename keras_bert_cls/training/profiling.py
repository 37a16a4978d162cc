"""A profile of some steps, for TensorBoard."""

import os

import tensorflow as tf

from keras_bert_cls.errors import UserError


class Profiler:
    """Records what the host and its devices do in some steps.

    The profile is written to FOLDER/plugins/profile/TIME/HOST.xplane.pb. TensorBoard shows it with
    the package tensorboard-plugin-profile (2.20 or newer), which is no dependency of ours: the
    package xprof, which it installs, also shows it alone.

    A run that starts or resumes after `first_step` records nothing.

    Args:
      folder: TensorBoard's.
      first_step: the first step to be recorded, from 1.
      last_step: the last one.
      records: False records nothing, as on workers other than the chief; their calls of the loop
        must end where the chief's do all the same.

    Attributes:
      cuts: numbers of updates at which a call of the loop must end, so that `reached` sees them.
    """

    def __init__(
        self, folder: str | os.PathLike, first_step: int, last_step: int, records: bool = True
    ):
        self.cuts = (first_step - 1, last_step)
        self._folder = os.fspath(folder)
        self._records = records
        self._running = False

    def reached(self, step: int) -> None:
        """Starts or stops recording; to be called before the first call of the loop and after each.

        Args:
          step: updates done.

        Raises:
          UserError: the profile can't be written.
        """
        before, last = self.cuts
        if self._running and step >= last:
            self._stop()
        elif self._records and not self._running and step == before:
            self._start()

    def close(self) -> None:
        """Writes the profile of a run that ends before the last step."""
        if self._running:
            self._stop()

    def _start(self) -> None:
        try:
            tf.profiler.experimental.start(self._folder)
        except tf.errors.OpError as error:
            raise self._not_writable(error) from error
        self._running = True

    def _stop(self) -> None:
        self._running = False
        try:
            tf.profiler.experimental.stop()
        except tf.errors.OpError as error:
            raise self._not_writable(error) from error

    def _not_writable(self, error: tf.errors.OpError) -> UserError:
        return UserError(
            f"{self._folder}: the profile could not be written: {error.message}. Free some space, "
            "or start the same command again without --profile_steps to resume."
        )

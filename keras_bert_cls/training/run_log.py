"""What a run says while it works: progress, metrics.jsonl and TensorBoard."""

import contextlib
from collections.abc import Mapping
from typing import Any, Protocol

from keras_bert_cls.training.event_files import EventFiles
from keras_bert_cls.training.metrics_file import MetricsFile
from keras_bert_cls.training.progress_display import progress_display
from keras_bert_cls.training.run_directory import RunDirectory
from keras_bert_cls.training.step_timings import Flops, StepTimings


class Log(Protocol):
    """Where training tells what it does: `RunLog` on the chief, `SilentLog` on other workers."""

    def advance(
        self, steps: int, loss: float, sums: Mapping[str, float], wait_seconds: float
    ) -> None:
        """Moves the progress on.

        Args:
          steps: updates done since the last call.
          loss: to be shown.
          sums: of these updates, as the loop reports them.
          wait_seconds: in which the devices waited for data.
        """

    def write_train(self, step: int, values: Mapping[str, float]) -> None:
        """Writes what training measured since the last call, and the times of its updates."""

    def write_dev(self, step: int, values: Mapping[str, float]) -> None:
        """Writes the scores on dev."""

    def event(self, name: str, step: int, **values: Any) -> None:
        """Tells machines that something happened, such as a checkpoint."""

    def say(self, text: str) -> None:
        """Tells people something, in a line."""

    def paused(self) -> contextlib.AbstractContextManager[None]:
        """Leaves the time that the body takes out of the times of updates."""

    def close(self) -> None:
        """Closes the files and the display."""


class RunLog:
    """Shows and writes what is measured; see `Log`.

    On resuming, what was written after the checkpoint is dropped, so that metrics.jsonl and
    TensorBoard hold each step once.

    Args:
      run: the run's folder.
      start_step: updates done when the program starts.
      total_steps: updates of the whole run.
      log_format: "text" or "json", how progress is told on the standard error.
      flops: floating-point operations of updates, from their sums.
      peak_flops: floating-point operations a second that all devices together can do; 0 leaves the
        model FLOP utilisation out.

    Raises:
      UserError: metrics.jsonl or TensorBoard's events can't be written; so do the writing methods.
    """

    def __init__(
        self,
        run: RunDirectory,
        start_step: int,
        total_steps: int,
        *,
        log_format: str = "text",
        flops: Flops | None = None,
        peak_flops: float = 0.0,
    ):
        self._metrics = MetricsFile(run.metrics, start_step)
        self._events = EventFiles(run.tensorboard, start_step)
        self._display = progress_display(start_step, total_steps, log_format)
        self._timings = StepTimings(flops, peak_flops)

    def advance(
        self, steps: int, loss: float, sums: Mapping[str, float], wait_seconds: float
    ) -> None:
        self._timings.add(steps, sums, wait_seconds)
        self._display.advance(steps, {"loss": loss, **self._timings.values()})

    def write_train(self, step: int, values: Mapping[str, float]) -> None:
        values = {**values, **self._timings.values()}
        self._write("train", step, values)
        self._display.event("progress", step, values)
        self._timings.restart()

    def write_dev(self, step: int, values: Mapping[str, float]) -> None:
        self._write("dev", step, values)
        self._display.event("dev", step, values)

    def event(self, name: str, step: int, **values: Any) -> None:
        self._display.event(name, step, values)

    def say(self, text: str) -> None:
        self._display.say(text)

    def paused(self) -> contextlib.AbstractContextManager[None]:
        return self._timings.paused()

    def close(self) -> None:
        self._display.close()
        self._events.close()

    def _write(self, kind: str, step: int, values: Mapping[str, float]) -> None:
        self._metrics.write({"step": step, "kind": kind, **values})
        self._events.write(step, {f"{kind}/{name}": value for name, value in values.items()})


class SilentLog:
    """Says nothing: of many workers, the chief alone shows and writes; see `Log`."""

    def advance(
        self, steps: int, loss: float, sums: Mapping[str, float], wait_seconds: float
    ) -> None:
        pass

    def write_train(self, step: int, values: Mapping[str, float]) -> None:
        pass

    def write_dev(self, step: int, values: Mapping[str, float]) -> None:
        pass

    def event(self, name: str, step: int, **values: Any) -> None:
        pass

    def say(self, text: str) -> None:
        pass

    def paused(self) -> contextlib.AbstractContextManager[None]:
        return contextlib.nullcontext()

    def close(self) -> None:
        pass

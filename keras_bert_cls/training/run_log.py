"""What a run says while it works: progress, metrics.jsonl and TensorBoard."""

import contextlib
import json
import math
import os
import time
from collections.abc import Iterator, Mapping

import tensorflow as tf

from keras_bert_cls.training.progress_display import progress_display
from keras_bert_cls.training.run_directory import RunDirectory


class RunLog:
    """Writes what is measured.

    On resuming, what was logged after the checkpoint is dropped, so that metrics.jsonl holds each
    step once.

    Args:
      run: the run's folder.
      start_step: updates done when the program starts.
      total_steps: updates of the whole run.
    """

    def __init__(self, run: RunDirectory, start_step: int, total_steps: int):
        self._path = run.metrics
        self._keep_until(start_step)
        self._file = open(self._path, "a", encoding="utf-8")  # noqa: SIM115 - open as long as the run
        self._writer = tf.summary.create_file_writer(str(run.tensorboard))
        self._display = progress_display(start_step, total_steps)
        self._last = time.perf_counter()
        self._rows = self._tokens = 0.0

    def _keep_until(self, step: int) -> None:
        if not self._path.exists():
            return
        with open(self._path, encoding="utf-8") as file:
            # A kill may leave half a line, the last one; its step comes again.
            lines = [line for line in file if line.endswith("\n")]
        kept = [line for line in lines if json.loads(line)["step"] <= step]
        temporary = self._path.with_name(f".writing-{self._path.name}")
        temporary.write_text("".join(kept), encoding="utf-8")
        os.replace(temporary, self._path)

    def advance(self, steps: int, loss: float, rows: float, tokens: float) -> None:
        """Moves the progress on.

        Args:
          steps: updates done since the last call.
          loss: to be shown.
          rows, tokens: that these updates saw.
        """
        self._rows += rows
        self._tokens += tokens
        speeds = self._speeds()
        self._display.advance(
            steps,
            f"loss {loss:.4f}, {speeds['examples_per_second']:,.0f} examples/s, "
            f"{speeds['tokens_per_second']:,.0f} tokens/s",
        )

    def write_train(self, step: int, values: Mapping[str, float]) -> None:
        """Writes what training measured since the last call, and its speed."""
        self._write("train", step, {**values, **self._speeds()})
        self._display.log()
        self._last, self._rows, self._tokens = time.perf_counter(), 0.0, 0.0

    def write_dev(self, step: int, values: Mapping[str, float]) -> None:
        """Writes the scores on dev."""
        self._write("dev", step, values)
        shown = ", ".join(f"{name} {value:.4f}" for name, value in values.items())
        self.say(f"step {step}: dev {shown}")

    def say(self, text: str) -> None:
        """Prints a line above the progress bar."""
        self._display.say(text)

    @contextlib.contextmanager
    def paused(self) -> Iterator[None]:
        """Leaves the time that the body takes out of the speeds."""
        start = time.perf_counter()
        yield
        self._last += time.perf_counter() - start

    def close(self) -> None:
        """Closes the files and the display."""
        self._display.close()
        self._file.close()
        self._writer.close()

    def _speeds(self) -> dict[str, float]:
        seconds = max(time.perf_counter() - self._last, 1e-9)
        return {
            "examples_per_second": self._rows / seconds,
            "tokens_per_second": self._tokens / seconds,
        }

    def _write(self, kind: str, step: int, values: Mapping[str, float]) -> None:
        # JSON has no infinity and no NaN, which a gradient's norm can be at an overflow.
        numbers = {name: v if math.isfinite(v) else None for name, v in values.items()}
        line = {"step": step, "kind": kind, **numbers}
        self._file.write(json.dumps(line, allow_nan=False) + "\n")
        self._file.flush()
        os.fsync(self._file.fileno())
        with self._writer.as_default(step=step):
            for name, value in values.items():
                tf.summary.scalar(f"{kind}/{name}", value)
        self._writer.flush()

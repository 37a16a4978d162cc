"""What a run says while it works: a progress bar, metrics.jsonl and TensorBoard."""

import json
import os
import time
from collections.abc import Mapping

import tensorflow as tf
from tqdm import tqdm

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
        self._bar = tqdm(
            total=total_steps,
            initial=start_step,
            unit=" steps",
            dynamic_ncols=True,
            mininterval=0.5 if os.isatty(2) else 15,
        )
        self._last = time.perf_counter()
        self._rows = self._tokens = 0.0

    def _keep_until(self, step: int) -> None:
        if not self._path.exists():
            return
        with open(self._path, encoding="utf-8") as file:
            lines = [line for line in file if line.endswith("\n")]
        kept = [line for line in lines if json.loads(line)["step"] <= step]
        temporary = self._path.with_name(f".writing-{self._path.name}")
        temporary.write_text("".join(kept), encoding="utf-8")
        os.replace(temporary, self._path)

    def advance(self, steps: int, loss: float, rows: float, tokens: float) -> None:
        """Moves the progress bar on."""
        self._rows += rows
        self._tokens += tokens
        seconds = max(time.perf_counter() - self._last, 1e-9)
        self._bar.set_postfix_str(
            f"loss {loss:.4f}, {self._rows / seconds:.0f} examples/s, "
            f"{self._tokens / seconds:.0f} tokens/s",
            refresh=False,
        )
        self._bar.update(steps)

    def write(self, kind: str, step: int, values: Mapping[str, float]) -> None:
        """Writes a line of metrics.jsonl and scalars of TensorBoard.

        Args:
          kind: "train" or "dev".
          step: updates done.
          values: what was measured.
        """
        line = {"step": step, "kind": kind, **values}
        if kind == "train":
            seconds = max(time.perf_counter() - self._last, 1e-9)
            line |= {
                "examples_per_second": self._rows / seconds,
                "tokens_per_second": self._tokens / seconds,
            }
            self._last, self._rows, self._tokens = time.perf_counter(), 0.0, 0.0
        self._file.write(json.dumps(line, ensure_ascii=False) + "\n")
        self._file.flush()
        with self._writer.as_default(step=step):
            for name, value in line.items():
                if isinstance(value, float):
                    tf.summary.scalar(f"{kind}/{name}", value)
        self._writer.flush()

    def say(self, text: str) -> None:
        """Prints a line above the progress bar."""
        self._bar.write(text)

    def pause(self) -> None:
        """Leaves the time since the last line out of the speeds; to be called after evaluations."""
        self._last = time.perf_counter()

    def close(self) -> None:
        """Closes the files and the bar."""
        self._bar.close()
        self._file.close()
        self._writer.close()

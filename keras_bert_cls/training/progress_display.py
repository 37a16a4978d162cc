"""How far a run is: a bar for people, lines for log files, JSON for machines."""

import datetime
import sys
import time
from collections.abc import Mapping
from typing import Any, Protocol

from tqdm import tqdm

from keras_bert_cls.training.json_line import json_line

_LONG_WAIT = 0.05  # share of the time for data that people should know of


class ProgressDisplay(Protocol):
    """Shows the progress of a run; made by `progress_display`."""

    def advance(self, steps: int, values: Mapping[str, float]) -> None:
        """Moves on by some steps; `values` are the loss and what `StepTimings` measures."""

    def event(self, name: str, step: int, values: Mapping[str, Any]) -> None:
        """Shows what happened at a step.

        Args:
          name: "progress" for what training measured, "dev" for scores on dev; what else there is,
            such as "checkpoint", only machines read.
          step: where the run stands.
          values: what belongs to it.
        """

    def say(self, text: str) -> None:
        """Shows a line."""

    def close(self) -> None:
        """Ends the display."""


def progress_display(start: int, total: int, log_format: str = "text") -> ProgressDisplay:
    """Returns a bar if the standard error is a terminal, else what writes lines.

    Args:
      start: steps done before.
      total: steps at the end.
      log_format: "text"; or "json" for an object a line on the standard error, with `time` (ISO
        8601, UTC), `event` ("start", "progress", "dev", "say" and more), `step` and values.
    """
    if log_format == "json":
        return _JsonLines(start, total)
    return _Bar(start, total) if sys.stderr.isatty() else _Lines(start, total)


def _describe(values: Mapping[str, float]) -> str:
    """Returns what people want to know of training."""
    parts = [
        f"loss {values['loss']:.4f}",
        f"{1000 * values['step_seconds']:,.1f} ms/step",
        f"{values['examples_per_second']:,.0f} examples/s",
        f"{values['tokens_per_second']:,.0f} tokens/s",
    ]
    if values["data_wait_share"] > _LONG_WAIT:
        parts.append(f"{values['data_wait_share']:.0%} waiting for data")
    if "model_flops_utilization" in values:
        parts.append(f"{values['model_flops_utilization']:.1%} of peak FLOP/s")
    return ", ".join(parts)


def _describe_scores(step: int, values: Mapping[str, float]) -> str:
    shown = ", ".join(f"{name} {value:.4f}" for name, value in values.items())
    return f"step {step}: dev {shown}"


class _Bar:
    def __init__(self, start: int, total: int):
        self._bar = tqdm(
            total=total, initial=start, unit=" steps", dynamic_ncols=True, mininterval=0.5
        )

    def advance(self, steps: int, values: Mapping[str, float]) -> None:
        self._bar.set_postfix_str(_describe(values), refresh=False)
        self._bar.update(steps)

    def event(self, name: str, step: int, values: Mapping[str, Any]) -> None:
        if name == "dev":
            self.say(_describe_scores(step, values))

    def say(self, text: str) -> None:
        self._bar.write(text)

    def close(self) -> None:
        self._bar.close()


class _Lines:
    def __init__(self, start: int, total: int):
        self._start, self._total = start, total
        self._begin = time.perf_counter()

    def advance(self, steps: int, values: Mapping[str, float]) -> None:
        pass

    def event(self, name: str, step: int, values: Mapping[str, Any]) -> None:
        if name == "dev":
            self.say(_describe_scores(step, values))
        elif name == "progress":
            seconds = time.perf_counter() - self._begin
            left = seconds / max(step - self._start, 1) * (self._total - step)
            print(
                f"step {step}/{self._total}, {_describe(values)}, "
                f"{tqdm.format_interval(left)} to go",
                file=sys.stderr,
                flush=True,
            )

    def say(self, text: str) -> None:
        print(text, flush=True)

    def close(self) -> None:
        pass


class _JsonLines:
    def __init__(self, start: int, total: int):
        self._step = start
        self.event("start", start, {"total_steps": total})

    def advance(self, steps: int, values: Mapping[str, float]) -> None:
        self._step += steps

    def event(self, name: str, step: int, values: Mapping[str, Any]) -> None:
        now = datetime.datetime.now(datetime.UTC).isoformat(timespec="milliseconds")
        line = json_line({"time": now, "event": name, "step": step, **values})
        # In one call: other threads and processes write to the same stream.
        sys.stderr.write(line)
        sys.stderr.flush()

    def say(self, text: str) -> None:
        self.event("say", self._step, {"text": text})

    def close(self) -> None:
        pass

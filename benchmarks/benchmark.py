"""What the benchmarks share: flags, and results as a table on the screen and as JSON in a file."""

import datetime
import json
import os
import pathlib
import platform
from collections.abc import Callable, Iterable, Mapping, Sequence

from absl import flags

from benchmarks.peers.environment import peer_python
from keras_bert_cls.cli.program import Program

SHARED_DATA = "../shared/data"


class Benchmark:
    """A benchmark's program.

    Args:
      name: of its module.
      description: the module's docstring.
      texts: whether it runs on texts of the data sets: it has --source then.
      turns: whether contenders take turns: it has --rounds then.

    Attributes:
      program: where it defines more flags.
    """

    def __init__(self, name: str, description: str, texts: bool = True, turns: bool = True):
        self.name = name
        self.program = Program(f"benchmarks.{name}", description)
        values = self.program.flags
        flags.DEFINE_string("output", "runs/bench", "Results, models.", flag_values=values)
        flags.DEFINE_string("results", name, "Name of the results, less .json.", flag_values=values)
        if texts:
            flags.DEFINE_string(
                "source",
                SHARED_DATA if pathlib.Path(SHARED_DATA).is_dir() else None,
                "The data sets' folder; '' takes the demo's corpus.",
                flag_values=values,
            )
        if turns:
            flags.DEFINE_integer(
                "rounds", 5, "Times that all are timed in turn.", 3, flag_values=values
            )

    @property
    def source(self) -> pathlib.Path | None:
        """The data sets' folder, if there is one."""
        return pathlib.Path(self.program.flags.source) if self.program.flags.source else None

    @property
    def output(self) -> pathlib.Path:
        """Where results go; made."""
        path = pathlib.Path(self.program.flags.output)
        path.mkdir(parents=True, exist_ok=True)
        return path

    @property
    def rounds(self) -> int:
        """Times that all contenders are timed in turn."""
        return self.program.flags.rounds

    def peer_python(self) -> pathlib.Path:
        """Returns the Python of the peers' environment."""
        return peer_python(folder=self.output / "peer")

    def run(self, measure: Callable[[], Iterable[Mapping[str, object]]], argv=None) -> int:
        """Runs the program; returns its exit code.

        Args:
          measure: yields rows; all have the same columns. Each is shown when it comes.
          argv: the command line.
        """

        def body(_: list[str]) -> None:
            rows = []
            for row in measure():
                if not rows:
                    print(f"| {' | '.join(row)} |\n|{'---|' * len(row)}", flush=True)
                rows.append(dict(row))
                print(f"| {' | '.join(map(_cell, row.values()))} |", flush=True)
                self._write(rows)  # A contender may run out of memory later.

        return self.program.run(body, argv)

    def _write(self, rows: Sequence[Mapping[str, object]]) -> None:
        content = {
            "benchmark": self.name,
            "made": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
            "processors": len(os.sched_getaffinity(0)),
            "machine": platform.machine(),
            "rows": rows,
        }
        path = self.output / f"{self.program.flags.results}.json"
        path.write_text(json.dumps(content, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


def define_threads(benchmark: Benchmark) -> None:
    """Adds --threads; see `clock_of`."""
    flags.DEFINE_integer(
        "threads",
        0,
        "Of an operation; with 1, processor time is measured, which other programs disturb little. "
        "0: each library's choice, and the time that passes.",
        0,
        flag_values=benchmark.program.flags,
    )


def clock_of(benchmark: Benchmark) -> str:
    """Returns the clock for `classifiers.interleaved_seconds`."""
    return "processor_seconds" if benchmark.program.flags.threads == 1 else "seconds"


def _cell(value: object) -> str:
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
    if isinstance(value, Sequence) and not isinstance(value, str):  # low, perhaps median, high
        low, *median, high = value
        return f"{median[0]:.2f} ({low:.2f}–{high:.2f})" if median else f"{low:.2f}–{high:.2f}"
    return str(value)

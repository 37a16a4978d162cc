"""Load tests for people and for programs."""

import dataclasses
import json
import os
import pathlib
from collections.abc import Sequence
from typing import Any

from keras_bert_cls.loadtest.result import LoadResult

_COLUMNS = (
    ("load", 16),
    ("requests", 9),
    ("errors", 8),
    ("req/s", 9),
    ("texts/s", 9),
    ("tokens/s", 9),
    ("p50 ms", 8),
    ("p90 ms", 8),
    ("p99 ms", 8),
    ("p99.9 ms", 9),
    ("own CPUs", 9),
)


def heading() -> str:
    """Returns the first line of a table whose lines `table_line` makes."""
    return " ".join(
        f"{name:<{width}}" if name == "load" else f"{name:>{width}}" for name, width in _COLUMNS
    )


def table_line(result: LoadResult) -> str:
    """Returns a line for one load."""
    latency = result.latency_ms or {}
    values = [
        f"{result.requests}",
        f"{sum(result.errors.values())}",
        f"{result.requests_per_second:.1f}",
        f"{result.rows_per_second:.1f}",
        f"{result.tokens_per_second:.0f}",
        *(
            f"{latency[name]:.1f}" if name in latency else "-"
            for name in ("p50", "p90", "p99", "p999")
        ),
        f"{result.client_cpus:.2f}",
    ]
    widths = [width for _, width in _COLUMNS]
    cells = [f"{result.load:<{widths[0]}}"]
    cells += [f"{value:>{width}}" for value, width in zip(values, widths[1:], strict=True)]
    errors = ", ".join(f"{count} {code}" for code, count in result.errors.items())
    return " ".join(cells) + (f"  {errors}" if errors else "")


def write_report(
    path: str | os.PathLike, settings: dict[str, Any], results: Sequence[LoadResult]
) -> None:
    """Writes a JSON file: what was tested, and {"loads": [the fields of LoadResult]}."""
    content = {**settings, "loads": [dataclasses.asdict(result) for result in results]}
    text = json.dumps(content, ensure_ascii=False, indent=2, allow_nan=False) + "\n"
    pathlib.Path(path).write_text(text, encoding="utf-8")

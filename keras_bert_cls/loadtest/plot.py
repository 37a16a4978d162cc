"""A picture of a load test. Needs matplotlib, of the extra [report]."""

import os
from collections.abc import Sequence

from keras_bert_cls.errors import UserError
from keras_bert_cls.loadtest.result import LoadResult

_MARKS = (0.5, 0.9, 0.99, 0.999)


def require_matplotlib() -> None:
    """Raises UserError where matplotlib is missing: before a test of minutes, not after."""
    try:
        import matplotlib  # noqa: F401
    except ImportError as error:
        raise UserError("--plot needs matplotlib: pip install 'keras_bert_cls[report]'") from error


def write_plot(path: str | os.PathLike, title: str, results: Sequence[LoadResult]) -> None:
    """Draws latencies by quantile and, for several loads, how throughput and p99 grow.

    Args:
      path: where to; the extension says in which format, such as .png or .svg.
      title: of the picture.
      results: the loads.

    Raises:
      UserError: matplotlib is missing, or does not know the format.
    """
    require_matplotlib()
    from matplotlib.figure import Figure

    figure = Figure(figsize=(12, 5), layout="constrained")
    figure.suptitle(title)
    quantiles, loads = figure.subplots(1, 2)
    _draw_quantiles(quantiles, results)
    _draw_loads(loads, results)
    try:
        figure.savefig(path)
    except ValueError as error:
        raise UserError(f"--plot {os.fspath(path)}: {error}") from error


def _draw_quantiles(axes, results: Sequence[LoadResult]) -> None:
    for result in results:
        # The slowest request has no place on an axis of "one in so many".
        points = [(1 - q, ms) for q, ms in result.latency_quantiles_ms if q < 1]
        axes.plot([x for x, _ in points], [y for _, y in points], label=result.load)
    axes.set(xscale="log", yscale="log", ylabel="latency, ms", xlabel="requests no slower")
    axes.invert_xaxis()
    axes.set_xticks([1 - mark for mark in _MARKS], [f"{100 * mark:g} %" for mark in _MARKS])
    axes.minorticks_off()
    axes.grid(alpha=0.3)
    axes.legend()


def _draw_loads(axes, results: Sequence[LoadResult]) -> None:
    names = [result.load for result in results]
    axes.bar(names, [result.rows_per_second for result in results], color="0.8")
    axes.set_ylabel("texts a second (bars)")
    latencies = axes.twinx()
    for name in ("p50", "p99"):
        values = [result.latency_ms and result.latency_ms[name] for result in results]
        latencies.plot(names, values, marker="o", label=name)
    latencies.set_ylabel("latency, ms (lines)")
    latencies.set_ylim(bottom=0)
    latencies.legend()

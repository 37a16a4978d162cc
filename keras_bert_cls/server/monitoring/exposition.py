"""The page that Prometheus reads, in its text format."""

from collections.abc import Iterator

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class _WithoutCreationTimes(Collector):
    """Leaves out the `_created` series, which double the page and which nobody reads."""

    def __init__(self, source: CollectorRegistry):
        self._source = source

    def collect(self) -> Iterator[Metric]:
        for metric in self._source.collect():
            metric.samples = [s for s in metric.samples if not s.name.endswith("_created")]
            yield metric


def exposition(registry: CollectorRegistry) -> bytes:
    """Returns all metrics of `registry` as text."""
    plain = CollectorRegistry()
    plain.register(_WithoutCreationTimes(registry))
    return generate_latest(plain)

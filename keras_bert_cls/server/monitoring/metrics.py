"""What the server counts, for Prometheus: TensorFlow Serving's metrics and ours."""

import logging
import time
from collections.abc import Callable
from concurrent import futures

import grpc
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from keras_bert_cls.server.batcher import BatchObserver
from keras_bert_cls.server.computation import Computation
from keras_bert_cls.server.monitoring.exposition import exposition
from keras_bert_cls.server.monitoring.serving_metrics import ServingMetrics
from keras_bert_cls.server.monitoring.text_statistics import TextSample

_logger = logging.getLogger(__name__)

# A sample a second costs next to nothing and is enough for rates.
_SAMPLE_INTERVAL_SECONDS = 1.0
_SAMPLE_ROWS = 32
_UNKNOWN_MODEL = "unknown"

_SECONDS_BUCKETS = [1e-4 * 2**n for n in range(18)]  # 0.1 ms to 13 s
# Name behind "bertcls_" -> help and buckets.
_HISTOGRAMS: dict[str, tuple[str, list[float]]] = {
    "queue_seconds": ("Time that a request waited for its batch.", _SECONDS_BUCKETS),
    "tokenize_seconds": (
        f"Time to tokenize a sample of at most {_SAMPLE_ROWS} texts; part of computing.",
        _SECONDS_BUCKETS,
    ),
    "compute_seconds": (
        "Time of a batch in TensorFlow, tokenizing included.",
        _SECONDS_BUCKETS,
    ),
    "batch_rows": ("Rows of a batch.", [2.0**n for n in range(11)]),
    "text_tokens": (
        "Tokens of a sampled row before truncation.",
        [2.0**n for n in range(3, 14)],
    ),
}
_COUNTERS = {
    "sampled_rows": "Rows whose texts were measured.",
    "truncated_rows": "Sampled rows that the model cut.",
    "sampled_tokens": "Tokens of the sampled rows.",
    "unknown_tokens": "[UNK]s among the sampled tokens.",
}


class ServerMetrics(BatchObserver):
    """Counts requests, batches and texts; methods belong to one event loop.

    Args:
      is_model: whether a model of a name is served: labels must not grow with what clients invent.

    Attributes:
      serving: the metrics that TensorFlow Serving has.
    """

    def __init__(self, is_model: Callable[[str], bool]):
        self._is_model = is_model
        registry = self._registry = CollectorRegistry()
        self.serving = ServingMetrics(registry)
        labels = ["model_name"]
        self._histograms = {
            name: Histogram(f"bertcls_{name}", text, labels, buckets=buckets, registry=registry)
            for name, (text, buckets) in _HISTOGRAMS.items()
        }
        self._counters = {
            name: Counter(f"bertcls_{name}", text, labels, registry=registry)
            for name, text in _COUNTERS.items()
        }
        self._queued = Gauge("bertcls_queued_rows", "Rows that wait now.", registry=registry)
        self._next_sample: dict[str, float] = {}
        self._executor = futures.ThreadPoolExecutor(1, thread_name_prefix="text-statistics")

    def page(self) -> bytes:
        """Returns all metrics in Prometheus' text format."""
        return exposition(self._registry)

    def close(self) -> None:
        """Frees the thread."""
        self._executor.shutdown()

    def request_answered(
        self, model: str, api: str, entrypoint: str, code: grpc.StatusCode, seconds: float
    ) -> None:
        """A request for inference was answered; `entrypoint` is "GRPC" or "REST"."""
        known = model if self._is_model(model) else _UNKNOWN_MODEL
        self.serving.request_answered(known, api, entrypoint, code.name, seconds)

    def queue_changed(self, rows: int) -> None:
        """See BatchObserver."""
        self._queued.set(rows)

    def batch_ran(
        self, computations: list[Computation], waited: list[float], seconds: float
    ) -> None:
        """See BatchObserver."""
        model = computations[0].servable.name
        for computation, wait in zip(computations, waited, strict=True):
            self._observe("queue_seconds", model, wait)
            self.serving.request_ran(model, computation.api, computation.rows, wait, seconds)
        self._observe("compute_seconds", model, seconds)
        self._observe("batch_rows", model, sum(c.rows for c in computations))
        self.serving.batch_ran(seconds)
        self._maybe_sample(computations[0])

    def _observe(self, name: str, model: str, value: float) -> None:
        self._histograms[name].labels(model).observe(value)

    def _maybe_sample(self, computation: Computation) -> None:
        statistics = computation.servable.text_statistics
        model, now = computation.servable.name, time.monotonic()
        if statistics is None or now < self._next_sample.get(model, 0):
            return
        self._next_sample[model] = now + _SAMPLE_INTERVAL_SECONDS

        def measure() -> None:
            try:
                sample = statistics.measure(computation, _SAMPLE_ROWS)
            except Exception:  # A text that cannot be tokenized has failed its request already.
                _logger.debug("a sample of %s cannot be measured", model, exc_info=True)
            else:
                if sample is not None:
                    self._add_sample(model, sample)

        self._executor.submit(measure)

    def _add_sample(self, model: str, sample: TextSample) -> None:
        for length in sample.lengths:
            self._observe("text_tokens", model, length)
        self._observe("tokenize_seconds", model, sample.seconds)
        for name, count in (
            ("sampled_rows", len(sample.lengths)),
            ("truncated_rows", sample.truncated),
            ("sampled_tokens", sample.tokens),
            ("unknown_tokens", sample.unknown_tokens),
        ):
            self._counters[name].labels(model).inc(count)

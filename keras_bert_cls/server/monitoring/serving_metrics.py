"""The metrics that TensorFlow Serving has, under its names, labels and units (microseconds).

Dashboards and alerts made for tensorflow_model_server work with them. Its exporter writes a metric
/tensorflow/serving/request_count as `:tensorflow:serving:request_count`, without Prometheus' suffix
`_total`; so its counters are gauges here, which only grow and keep their names.
"""

from prometheus_client import CollectorRegistry, Gauge, Histogram

_MICRO = 1e6
_RUNTIME = "TF1"  # what TensorFlow Serving calls a session
_THREAD_POOL = "model_server_batch_threads"


def _exponential(scale: float, growth: float, count: int) -> list[float]:
    return [scale * growth**n for n in range(count)]


_LATENCY_BUCKETS = _exponential(10, 1.8, 33)  # to about 20 minutes

# Name behind ":tensorflow:" -> help and labels.
_COUNTERS = {
    "serving:request_count": ("Requests by model and status.", ("model_name", "status")),
    "serving:request_example_count_total": ("tf.Examples of all requests.", ("model",)),
    "serving:batching_session:wrapped_run_count": ("Batches.", ()),
    "core:graph_runs": ("Runs of graphs.", ()),
    "core:graph_run_time_usecs": ("Microseconds of all runs.", ()),
    "cc:saved_model:load_attempt_count": (
        "Loads of SavedModels by outcome.",
        ("model_path", "status"),
    ),
    "cc:saved_model:load_latency": ("Microseconds of all loads.", ("model_path",)),
}
# The same, and buckets.
_HISTOGRAMS = {
    "serving:request_latency": (
        "Microseconds from a request to its answer.",
        ("model_name", "API", "entrypoint"),
        _LATENCY_BUCKETS,
    ),
    "serving:runtime_latency": (
        "Microseconds that TensorFlow took for the batch of a request.",
        ("model_name", "API", "runtime"),
        _LATENCY_BUCKETS,
    ),
    "serving:request_example_counts": (
        "tf.Examples of a request.",
        ("model",),
        _exponential(1, 2, 15),
    ),
    "serving:batching_session:queuing_latency": (
        "Microseconds that a request waited for its batch.",
        ("thread_pool_name",),
        _exponential(100, 1.2, 52),
    ),
    "serving:model_warmup_latency": (
        "Microseconds that the warm-up of a version took.",
        ("model_path", "status"),
        _LATENCY_BUCKETS,
    ),
    "core:graph_run_time_usecs_histogram": (
        "Microseconds of a run.",
        (),
        _exponential(1000, 2, 20),
    ),
}


class ServingMetrics:
    """Counts what TensorFlow Serving counts.

    Args:
      registry: where the metrics are registered.
    """

    def __init__(self, registry: CollectorRegistry):
        self._counters = {
            name: Gauge(f":tensorflow:{name}", text, labels, registry=registry)
            for name, (text, labels) in _COUNTERS.items()
        }
        self._histograms = {
            name: Histogram(f":tensorflow:{name}", text, labels, buckets=buckets, registry=registry)
            for name, (text, labels, buckets) in _HISTOGRAMS.items()
        }

    def request_answered(
        self, model: str, api: str, entrypoint: str, status: str, seconds: float
    ) -> None:
        """A request was answered; `status` is a name such as "OK", `entrypoint` GRPC or REST."""
        self._count("serving:request_count", 1, model, status)
        if status == "OK":
            self._observe("serving:request_latency", seconds * _MICRO, model, api, entrypoint)

    def request_ran(self, model: str, api: str, rows: int, waited: float, seconds: float) -> None:
        """A request of `rows` ran in a batch that took `seconds`, after it had waited."""
        self._observe("serving:runtime_latency", seconds * _MICRO, model, api, _RUNTIME)
        queuing = "serving:batching_session:queuing_latency"
        self._observe(queuing, waited * _MICRO, _THREAD_POOL)
        if api != "Predict":
            self._observe("serving:request_example_counts", rows, model)
            self._count("serving:request_example_count_total", rows, model)

    def batch_ran(self, seconds: float) -> None:
        """A batch is done."""
        self._count("serving:batching_session:wrapped_run_count", 1)
        self._count("core:graph_runs", 1)
        self._count("core:graph_run_time_usecs", seconds * _MICRO)
        self._observe("core:graph_run_time_usecs_histogram", seconds * _MICRO)

    def version_loaded(self, path: str, succeeded: bool, seconds: float) -> None:
        """A SavedModel was loaded, or could not be."""
        status = "success" if succeeded else "fail"
        self._count("cc:saved_model:load_attempt_count", 1, path, status)
        if succeeded:
            self._count("cc:saved_model:load_latency", seconds * _MICRO, path)

    def version_warmed_up(self, path: str, status: str, seconds: float) -> None:
        """The warm-up of a version ended with a status such as "OK"."""
        self._observe("serving:model_warmup_latency", seconds * _MICRO, path, status)

    def _count(self, name: str, amount: float, *labels: str) -> None:
        counter = self._counters[name]
        (counter.labels(*labels) if labels else counter).inc(amount)

    def _observe(self, name: str, value: float, *labels: str) -> None:
        histogram = self._histograms[name]
        (histogram.labels(*labels) if labels else histogram).observe(value)

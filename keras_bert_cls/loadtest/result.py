"""The figures of a load."""

import collections
import dataclasses
import math
from collections.abc import Sequence

from keras_bert_cls.loadtest.load import Load, OpenLoop, Period
from keras_bert_cls.loadtest.sender import SentShare

OK = "OK"
# Fractions of the requests that were no slower; a plot shows them all.
_QUANTILES = (0.0, *(step / 20 for step in range(1, 20)), 0.98, 0.99, 0.995, 0.998, 0.999, 1.0)


@dataclasses.dataclass(frozen=True)
class LoadResult:
    """How a server took a load. Counts are of the requests that were due after the warm-up.

    Attributes:
      load: in words.
      loop: "open" or "closed".
      level: requests a second of an open loop, clients of a closed one.
      requests: how many.
      errors: status -> how many requests ended with it, OK left out.
      requests_per_second, rows_per_second, tokens_per_second: of the requests answered with OK in
        the counted time; tokens are an estimate.
      latency_ms: "p50", "p90", "p99", "p999", "mean" and "max" of the requests answered with OK,
        in milliseconds from the time at which they were due; None where there are none.
      latency_quantiles_ms: pairs of a fraction and the latency of that quantile.
      sent_late_p99_ms: how late the test itself was. Where this is no longer small against the
        latencies, the test needs more processes, or a machine of its own.
      client_cpus: CPU seconds a second that the test itself took.
    """

    load: str
    loop: str
    level: float
    requests: int
    errors: dict[str, int]
    requests_per_second: float
    rows_per_second: float
    tokens_per_second: float
    latency_ms: dict[str, float] | None
    latency_quantiles_ms: list[tuple[float, float]]
    sent_late_p99_ms: float | None
    client_cpus: float


def summary(load: Load, period: Period, rows: int, shares: Sequence[SentShare]) -> LoadResult:
    """Sums up what the processes of a load have seen.

    Args:
      load: the load as a whole.
      period: how long it lasted.
      rows: texts of a request.
      shares: what each process sent.
    """
    samples = [sample for share in shares for sample in share.samples]
    begin, end = period.warmup_seconds, period.warmup_seconds + period.seconds
    counted = [sample for sample in samples if begin <= sample.intended < end]
    answered = [s for s in samples if s.code == OK and begin <= s.finished < end]
    latencies = sorted(_ms(s.finished - s.intended) for s in counted if s.code == OK)
    late = sorted(_ms(sample.sent - sample.intended) for sample in counted)
    codes = collections.Counter(sample.code for sample in counted)
    is_open = isinstance(load, OpenLoop)
    return LoadResult(
        load=str(load),
        loop="open" if is_open else "closed",
        level=load.rate if isinstance(load, OpenLoop) else load.concurrency,
        requests=len(counted),
        errors={code: count for code, count in sorted(codes.items()) if code != OK},
        requests_per_second=len(answered) / period.seconds,
        rows_per_second=rows * len(answered) / period.seconds,
        tokens_per_second=sum(sample.tokens for sample in answered) / period.seconds,
        latency_ms=_latencies(latencies),
        latency_quantiles_ms=[(q, quantile(latencies, q)) for q in _QUANTILES if latencies],
        sent_late_p99_ms=quantile(late, 0.99) if is_open and late else None,
        client_cpus=sum(share.cpu_seconds / share.seconds for share in shares),
    )


def quantile(ordered: Sequence[float], fraction: float) -> float:
    """Returns the smallest value that at least `fraction` of the values do not exceed.

    Args:
      ordered: values in increasing order, at least one.
      fraction: from 0 to 1.
    """
    return ordered[max(0, math.ceil(fraction * len(ordered)) - 1)]


def _latencies(ordered: Sequence[float]) -> dict[str, float] | None:
    if not ordered:
        return None
    named = {"p50": 0.5, "p90": 0.9, "p99": 0.99, "p999": 0.999}
    return {
        **{name: quantile(ordered, fraction) for name, fraction in named.items()},
        "mean": sum(ordered) / len(ordered),
        "max": ordered[-1],
    }


def _ms(seconds: float) -> float:
    return seconds * 1000

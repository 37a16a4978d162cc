"""How fast a run is: what is measured of its time. Imports no TensorFlow."""

import collections
import contextlib
import time
from collections.abc import Callable, Iterator, Mapping

TIMINGS = (
    "examples_per_second",
    "tokens_per_second",
    "step_seconds",
    "data_wait_share",
    "model_flops_utilization",
)
"""Names of the values that differ between two runs that are otherwise equal."""

Flops = Callable[[Mapping[str, float]], float]
"""From the sums of some updates to the floating-point operations that they need."""


class StepTimings:
    """Measures updates between two calls of `restart`.

    Args:
      flops: of updates, from their sums; None leaves the utilisation out.
      peak_flops: floating-point operations a second that all devices together can do; 0 leaves the
        utilisation out.
    """

    def __init__(self, flops: Flops | None = None, peak_flops: float = 0.0):
        self._flops, self._peak_flops = flops, peak_flops
        self.restart()

    def restart(self) -> None:
        """Begins anew."""
        self._start = time.perf_counter()
        self._steps, self._wait_seconds = 0, 0.0
        self._sums: collections.Counter[str] = collections.Counter()

    def add(self, steps: int, sums: Mapping[str, float], wait_seconds: float) -> None:
        """Counts updates in; see `RunLog.advance`."""
        self._steps += steps
        self._sums.update(sums)
        self._wait_seconds += wait_seconds

    @contextlib.contextmanager
    def paused(self) -> Iterator[None]:
        """Leaves the time that the body takes out."""
        start = time.perf_counter()
        yield
        self._start += time.perf_counter() - start

    def values(self) -> dict[str, float]:
        """Returns what was measured since the last `restart`.

        Returns:
          examples_per_second, tokens_per_second: real rows, and real tokens of the encoder, which
            reads those where windows overlap twice.
          step_seconds: mean time of an update.
          data_wait_share: share of the time in which the devices waited for data.
          model_flops_utilization: share of the peak that the updates needed, if there is a peak
            (Chowdhery et al. 2022, https://arxiv.org/abs/2204.02311, appendix B).
        """
        seconds = max(time.perf_counter() - self._start, 1e-9)
        values = {
            "examples_per_second": self._sums["rows"] / seconds,
            "tokens_per_second": self._sums["tokens"] / seconds,
            "step_seconds": seconds / max(self._steps, 1),
            "data_wait_share": self._wait_seconds / seconds,
        }
        if self._flops and self._peak_flops:
            needed = self._flops(self._sums)
            values["model_flops_utilization"] = needed / seconds / self._peak_flops
        return values

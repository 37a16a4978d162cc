"""Batching parameters out of measurements."""

import dataclasses
from collections.abc import Sequence

from keras_bert_cls.loadtest.batch_timings import BatchTiming, powers_of_two

# Of the best throughput: what is gained beyond is less than measurements vary.
_NEARLY_BEST = 0.95


@dataclasses.dataclass(frozen=True)
class Bounds:
    """What the choice must respect.

    Attributes:
      largest_request: texts that a single request may have; max_batch_size is no less.
      max_batch_ms: time that a batch may take, unless largest_request needs more.
      max_wait_ms: time that a request may wait in a full queue.
    """

    largest_request: int
    max_batch_ms: float
    max_wait_ms: float


@dataclasses.dataclass(frozen=True)
class BatchingChoice:
    """The fields of TensorFlow Serving's BatchingParameters that were chosen; see there."""

    max_batch_size: int
    num_batch_threads: int
    max_enqueued_batches: int
    allowed_batch_sizes: tuple[int, ...]


def choose_batch_size(timings: Sequence[BatchTiming], bounds: Bounds) -> int:
    """Returns the smallest size whose throughput is nearly the best in bounds.

    Args:
      timings: of one batch at a time, of one text and more.
      bounds: see Bounds.
    """
    quick = [timing for timing in timings if timing.milliseconds <= bounds.max_batch_ms]
    usable = quick or [min(timings, key=lambda timing: timing.rows)]
    chosen = _first_nearly_best(sorted(usable, key=lambda timing: timing.rows))
    return max(chosen.rows, bounds.largest_request)


def choose_threads(timings: Sequence[BatchTiming]) -> BatchTiming:
    """Returns the measurement with the fewest threads whose throughput is nearly the best.

    Args:
      timings: of batches of one size.
    """
    return _first_nearly_best(sorted(timings, key=lambda timing: timing.threads))


def choose_allowed_sizes(full: BatchTiming, partial: BatchTiming) -> tuple[int, ...]:
    """Returns the sizes to which batches should be padded; none if padding costs time.

    Args:
      full: of the largest batch.
      partial: of one with fewer texts, of no power of two.
    """
    if partial.rows == full.rows or partial.milliseconds < full.milliseconds:
        return ()
    smaller = [size for size in powers_of_two(full.rows) if size < full.rows]
    return (*smaller, full.rows)


def choose_queue(busiest: BatchTiming, bounds: Bounds) -> int:
    """Returns how many batches may wait so that the last of them waits no longer than allowed.

    Args:
      busiest: of batches of the largest size on all threads.
      bounds: see Bounds.
    """
    return max(1, int(bounds.max_wait_ms / busiest.milliseconds * busiest.threads))


def _first_nearly_best(timings: Sequence[BatchTiming]) -> BatchTiming:
    best = max(timing.rows_per_second for timing in timings)
    return next(t for t in timings if t.rows_per_second >= _NEARLY_BEST * best)

"""How long batches take on this machine, by texts of a batch and batches at a time."""

import dataclasses
from collections.abc import Sequence

from keras_bert_cls.errors import UserError
from keras_bert_cls.loadtest.load import ClosedLoop, Period, Question
from keras_bert_cls.loadtest.processes import run_load
from keras_bert_cls.text.token_estimate import estimated_tokens

_FEWEST = 3  # batches of a measurement, for each thread


@dataclasses.dataclass(frozen=True)
class BatchTiming:
    """A measurement.

    Attributes:
      rows: texts of a batch.
      threads: batches at a time.
      milliseconds: that half of the batches took at most, gRPC included.
      rows_per_second: texts that were answered.
    """

    rows: int
    threads: int
    milliseconds: float
    rows_per_second: float


def measure_batch(question: Question, rows: int, threads: int, seconds: float) -> BatchTiming:
    """Measures batches on a server that runs every request as a batch of its own.

    Args:
      question: what is asked; its `rows` do not count.
      rows: texts of a batch.
      threads: batches at a time.
      seconds: that count at least, more where batches are slow; a third as much goes before them.

    Raises:
      UserError: the server refused a batch, or took longer than `question.timeout`.
    """
    while True:
        result = run_load(
            dataclasses.replace(question, rows=rows),
            ClosedLoop(threads),
            Period(seconds / 3, seconds),
        )
        if result.errors:
            raise UserError(f"{threads} batch(es) of {rows} texts at a time: {result.errors}")
        if result.latency_ms is not None and result.requests >= _FEWEST * threads:
            break
        seconds *= 2
    # Not the rate of answers in that time, which is coarse where a batch takes a good part of it.
    rate = threads * rows * 1000 / result.latency_ms["mean"]
    return BatchTiming(rows, threads, result.latency_ms["p50"], rate)


def by_length(texts: Sequence[bytes], share: float) -> dict[str, list[bytes]]:
    """Returns the shortest and the longest of the texts.

    Args:
      texts: at least one.
      share: of the texts that each holds, from 0 to 1.
    """
    ordered = sorted(texts, key=estimated_tokens)
    count = max(1, round(share * len(ordered)))
    return {"shortest": ordered[:count], "longest": ordered[-count:]}


def powers_of_two(largest: int) -> list[int]:
    """Returns 1, 2, 4, … up to `largest`."""
    return [1 << exponent for exponent in range(largest.bit_length())]

"""How workers time what they do. Python's own library only."""

import time
from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

Item = TypeVar("Item")


def timed_calls(call: Callable[[Item], object], items: Iterable[Item]) -> dict[str, list[float]]:
    """Calls with each item, one after the other.

    Returns:
      "seconds" of each call that passed, and its "processor_seconds" of all threads.
    """
    seconds, processor_seconds = [], []
    for item in items:
        started, worked = time.perf_counter(), time.process_time()
        call(item)
        seconds.append(time.perf_counter() - started)
        processor_seconds.append(time.process_time() - worked)
    return {"seconds": seconds, "processor_seconds": processor_seconds}


def timed_batches(
    predict: Callable[[list[str]], tuple[list[str], Sequence[Sequence[float]]]],
    batches: list[list[str]],
    answers: bool = False,
) -> dict[str, object]:
    """Classifies batches, one after the other.

    Args:
      predict: from texts to their labels and probabilities.
      batches: texts.
      answers: whether to return the probabilities, too.

    Returns:
      "seconds" of each batch, "processor_seconds" of all threads, "probabilities" of each text.
    """
    found: list[Sequence[Sequence[float]]] = []
    times = timed_calls(lambda batch: found.append(predict(batch)[1]), batches)
    rows = [row for batch in found for row in batch] if answers else []
    return {**times, "probabilities": [[float(value) for value in row] for row in rows]}

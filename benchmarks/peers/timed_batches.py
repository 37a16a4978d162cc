"""What the workers that classify texts share. Python's own library only."""

import time
from collections.abc import Callable, Sequence


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
    seconds, processor_seconds = [], []
    probabilities: list[list[float]] = []
    for batch in batches:
        started, worked = time.perf_counter(), time.process_time()
        _, found = predict(batch)
        seconds.append(time.perf_counter() - started)
        processor_seconds.append(time.process_time() - worked)
        if answers:
            probabilities += [[float(value) for value in row] for row in found]
    return {
        "seconds": seconds,
        "processor_seconds": processor_seconds,
        "probabilities": probabilities,
    }

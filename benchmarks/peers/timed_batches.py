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
      "seconds" of each batch, and "probabilities" of every text.
    """
    seconds = []
    probabilities: list[list[float]] = []
    for batch in batches:
        started = time.perf_counter()
        _, found = predict(batch)
        seconds.append(time.perf_counter() - started)
        if answers:
            probabilities += [[float(value) for value in row] for row in found]
    return {"seconds": seconds, "probabilities": probabilities}

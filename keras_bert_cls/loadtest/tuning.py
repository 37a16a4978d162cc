"""Measures a model's batches on a server and chooses batching parameters."""

import dataclasses
from collections.abc import Callable

from keras_bert_cls.loadtest.batch_timings import (
    BatchTiming,
    by_length,
    measure_batch,
    powers_of_two,
)
from keras_bert_cls.loadtest.batching_choice import (
    BatchingChoice,
    Bounds,
    choose_allowed_sizes,
    choose_batch_size,
    choose_queue,
    choose_threads,
)
from keras_bert_cls.loadtest.load import Question

_TENTH = 0.1

Tables = dict[str, list[BatchTiming]]


@dataclasses.dataclass(frozen=True)
class Effort:
    """How much is measured.

    Attributes:
      largest_batch: texts of the largest batch that is tried.
      most_threads: batches at a time that are tried.
      seconds: of each measurement.
    """

    largest_batch: int
    most_threads: int
    seconds: float


def tune(
    question: Question, effort: Effort, bounds: Bounds, tell: Callable[[str, BatchTiming], None]
) -> tuple[Tables, BatchingChoice]:
    """Measures batches and chooses parameters.

    Args:
      question: what the server is asked; the server runs every request as a batch of its own.
      effort: how much is measured.
      bounds: of the choice.
      tell: gets the title of a table and each of its measurements as soon as it is there.

    Returns:
      Title -> measurements, and the choice that follows from them.

    Raises:
      UserError: the server refused a batch.
    """
    tables: Tables = {}

    def measure(title: str, rows: int, threads: int = 1, of: list[bytes] | None = None):
        asked = question if of is None else dataclasses.replace(question, texts=of)
        timing = measure_batch(asked, rows, threads, effort.seconds)
        tables.setdefault(title, []).append(timing)
        tell(title, timing)
        return timing

    for rows in powers_of_two(effort.largest_batch):
        measure("Texts as they come:", rows)
    for kind, texts in by_length(question.texts, _TENTH).items():
        for rows in powers_of_two(effort.largest_batch):
            measure(f"The {kind} tenth of the texts:", rows, of=texts)
    size = choose_batch_size(tables["Texts as they come:"], bounds)
    several = [
        measure("Batches at a time:", size, threads)
        for threads in range(1, effort.most_threads + 1)
    ]
    busiest = choose_threads(several)
    partial = measure("Three quarters of a batch:", max(1, size * 3 // 4))
    return tables, BatchingChoice(
        max_batch_size=size,
        num_batch_threads=busiest.threads,
        max_enqueued_batches=choose_queue(busiest, bounds),
        allowed_batch_sizes=choose_allowed_sizes(several[0], partial),
    )

"""The requests that wait for a batch. The event loop puts them in, workers take them out."""

import asyncio
import collections
import dataclasses
import itertools
import threading
import time
from collections.abc import Callable

import grpc

from keras_bert_cls.server.batch_run import Outputs
from keras_bert_cls.server.computation import Computation
from keras_bert_cls.server.status_errors import ServingError
from keras_bert_cls.server.text_cost import Cost


@dataclasses.dataclass(frozen=True)
class BatchLimits:
    """How large batches and requests may be.

    Attributes:
      max_batch_size: rows of a batch, and of a single request.
      max_batch_tokens: tokens of a batch, as `text_cost` guesses them; a single request may have
        more, and runs alone then, some of its rows at a time.
      max_enqueued_batches: batches of `max_batch_size` that may wait; more is refused.
      max_text_bytes: of a single text.
      merges_requests: whether requests share batches at all.
    """

    max_batch_size: int
    max_batch_tokens: int
    max_enqueued_batches: int
    max_text_bytes: int
    merges_requests: bool = True


@dataclasses.dataclass(frozen=True, eq=False)
class Request:
    """A computation that somebody waits for.

    Attributes:
      computation: to run.
      cost: of it.
      answer: what somebody waits for; it belongs to the event loop.
      deadline: the time of `time.monotonic` after which the answer is worthless.
      arrival: a time of the same clock.
    """

    computation: Computation
    cost: Cost
    answer: asyncio.Future[Outputs]
    deadline: float | None
    arrival: float = dataclasses.field(default_factory=time.monotonic)

    @property
    def rows(self) -> int:
        """What the request takes of a batch and of the queue; an empty one takes a place too."""
        return max(1, self.computation.rows)

    @property
    def is_late(self) -> bool:
        """Whether its deadline has passed."""
        return self.deadline is not None and time.monotonic() >= self.deadline


class RequestQueue:
    """Puts requests of the same key and length together; safe for use by several threads.

    Args:
      limits: see BatchLimits.
      on_change: is told the rows that wait, whenever they change; from any thread.
    """

    def __init__(self, limits: BatchLimits, on_change: Callable[[int], None]):
        self._limits = limits
        self._on_change = on_change
        self._max_rows = limits.max_batch_size * limits.max_enqueued_batches
        self._rows = 0
        # In the order of their oldest requests' arrival, roughly: a queue that is served goes last.
        self._queues: dict[tuple[object, ...], collections.deque[Request]] = {}
        self._alone = itertools.count()
        self._lock = threading.Lock()

    @property
    def rows(self) -> int:
        """Rows that wait now."""
        return self._rows

    def put(self, request: Request) -> tuple[object, ...]:
        """Adds a request, and returns the key of those that it shares batches with.

        Raises:
          ServingError: the queue is full.
        """
        computation = request.computation
        key = (*computation.batch_key, request.cost.length_class)
        if not (self._limits.merges_requests and computation.signature.merges_rows):
            key = (*key, next(self._alone))
        with self._lock:
            if self._rows + request.rows > self._max_rows:
                raise ServingError(
                    grpc.StatusCode.RESOURCE_EXHAUSTED,
                    "The batch scheduling queue to which this task was submitted is full",
                )
            self._queues.setdefault(key, collections.deque()).append(request)
            self._change_rows(request.rows)
        return key

    def discard(self, key: tuple[object, ...], request: Request) -> None:
        """Takes a request out, if it still waits."""
        with self._lock:
            if request in self._queues.get(key, ()):
                self._remove(key, request)

    def take(self) -> tuple[list[Request], list[Request]]:
        """Takes a batch's worth of requests out.

        Returns:
          Those that are worth running: none if none waits. And those whose deadline has passed.
        """
        batch: list[Request] = []
        late: list[Request] = []
        with self._lock:
            while self._queues and not batch:
                self._take_from_next_queue(batch, late)
        return batch, late

    def _take_from_next_queue(self, batch: list[Request], late: list[Request]) -> None:
        key, queue = next(iter(self._queues.items()))
        rows = tokens = 0
        while queue and (not batch or self._fits(rows, tokens, queue[0])):
            request = queue[0]
            self._remove(key, request)
            if request.answer.done():
                continue
            if request.is_late:
                late.append(request)
                continue
            batch.append(request)
            rows += request.rows
            tokens += request.cost.tokens
        if queue:
            # What is left waits its turn behind the other keys.
            self._queues[key] = self._queues.pop(key)

    def _fits(self, rows: int, tokens: int, request: Request) -> bool:
        return (
            rows + request.rows <= self._limits.max_batch_size
            and tokens + request.cost.tokens <= self._limits.max_batch_tokens
        )

    def _remove(self, key: tuple[object, ...], request: Request) -> None:
        queue = self._queues[key]
        queue.remove(request)
        self._change_rows(-request.rows)
        if not queue:
            del self._queues[key]

    def _change_rows(self, rows: int) -> None:
        self._rows += rows
        self._on_change(self._rows)

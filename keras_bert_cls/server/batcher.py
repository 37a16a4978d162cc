"""Gathers requests into batches while the workers are busy.

There is no timer: an idle worker takes what is there at once, so a lone request never waits, and
under load the batches grow by themselves. A batch holds texts of about one length, at most a
number of tokens: a short text never shares a batch with a long one, and pays for none.
"""

import asyncio
import collections
import dataclasses
import itertools
import time
from concurrent import futures

import grpc

from keras_bert_cls.server.batch_run import Outputs, run_in_parts, run_together
from keras_bert_cls.server.computation import Computation
from keras_bert_cls.server.status_errors import ServingError, invalid_argument
from keras_bert_cls.server.text_cost import Cost, cost_of


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


class BatchObserver:
    """Is told what the batcher does; this one does nothing with it."""

    def batch_ran(
        self, computations: list[Computation], waited: list[float], seconds: float
    ) -> None:
        """A batch is done.

        Args:
          computations: the requests of the batch.
          waited: the seconds that each of them was in the queue.
          seconds: that the worker took.
        """

    def queue_changed(self, rows: int) -> None:
        """So many rows wait now."""


@dataclasses.dataclass(frozen=True, eq=False)
class _Request:
    computation: Computation
    cost: Cost
    deadline: float | None  # of time.monotonic()
    arrival: float  # of time.monotonic()
    answer: asyncio.Future[Outputs]

    @property
    def rows(self) -> int:
        """What the request takes of a batch and of the queue; an empty one takes a place too."""
        return max(1, self.computation.rows)


class Batcher:
    """Runs computations on worker threads, those of the same key and length together.

    `run` and `close` belong to one event loop.

    Args:
      workers: batches that run at a time.
      limits: see BatchLimits.
      observer: is told of every batch.
    """

    def __init__(self, workers: int, limits: BatchLimits, observer: BatchObserver | None = None):
        self._limits = limits
        self._observer = observer or BatchObserver()
        self._max_queued = limits.max_batch_size * limits.max_enqueued_batches
        self._queued = 0
        self._idle_workers = workers
        # In the order of their oldest requests' arrival, roughly: a queue that is served goes last.
        self._queues: dict[tuple[object, ...], collections.deque[_Request]] = {}
        self._batches: set[asyncio.Task[None]] = set()
        self._executor = futures.ThreadPoolExecutor(workers, thread_name_prefix="batch")
        self._alone = itertools.count()

    async def run(self, computation: Computation, deadline: float | None = None) -> Outputs:
        """Returns the outputs of `computation`, as if it had run alone.

        A cancelled call leaves the queue.

        Args:
          computation: to run.
          deadline: the time of `time.monotonic` after which the answer is worthless.

        Raises:
          ServingError: too many rows, too large a text, a full queue, a deadline that passed before
            the work began, or the graph refused the inputs.
        """
        request = self._checked(computation, deadline)
        if self._queued + request.rows > self._max_queued:
            raise ServingError(
                grpc.StatusCode.RESOURCE_EXHAUSTED,
                "The batch scheduling queue to which this task was submitted is full",
            )
        key = self._enqueue(request)
        self._start_batches()
        try:
            return await request.answer
        except asyncio.CancelledError:
            if request in self._queues.get(key, ()):
                self._take(key, request)
            raise

    async def close(self) -> None:
        """Waits for the batches that run, and frees the threads."""
        await asyncio.gather(*self._batches)
        self._executor.shutdown()

    def _checked(self, computation: Computation, deadline: float | None) -> _Request:
        limits = self._limits
        if computation.rows > limits.max_batch_size:
            raise invalid_argument(
                f"Task size {computation.rows} is larger than maximum input batch size "
                f"{limits.max_batch_size}"
            )
        cost = cost_of(computation.inputs, computation.rows, computation.servable.max_tokens)
        if cost.largest_text > limits.max_text_bytes:
            raise invalid_argument(
                f"Text of {cost.largest_text} bytes is larger than the limit of "
                f"{limits.max_text_bytes}"
            )
        answer: asyncio.Future[Outputs] = asyncio.get_running_loop().create_future()
        return _Request(computation, cost, deadline, time.monotonic(), answer)

    def _enqueue(self, request: _Request) -> tuple[object, ...]:
        computation = request.computation
        key = (*computation.batch_key, request.cost.length_class)
        if not (self._limits.merges_requests and computation.signature.merges_rows):
            key = (*key, next(self._alone))
        self._queues.setdefault(key, collections.deque()).append(request)
        self._change_queued(request.rows)
        return key

    def _take(self, key: tuple[object, ...], request: _Request) -> None:
        queue = self._queues[key]
        queue.remove(request)
        self._change_queued(-request.rows)
        if not queue:
            del self._queues[key]

    def _change_queued(self, rows: int) -> None:
        self._queued += rows
        self._observer.queue_changed(self._queued)

    def _start_batches(self) -> None:
        while self._idle_workers and self._queues:
            batch = self._next_batch()
            if batch:
                self._idle_workers -= 1
                task = asyncio.get_running_loop().create_task(self._run_batch(batch))
                self._batches.add(task)
                task.add_done_callback(self._batches.discard)

    def _next_batch(self) -> list[_Request]:
        """Takes a batch's worth of the requests that are worth running off the next queue."""
        key, queue = next(iter(self._queues.items()))
        batch: list[_Request] = []
        rows = tokens = 0
        while queue and (not batch or self._fits(rows, tokens, queue[0])):
            request = queue[0]
            self._take(key, request)
            if not _is_expired(request):
                batch.append(request)
                rows += request.rows
                tokens += request.cost.tokens
        if queue:
            # What is left waits its turn behind the other keys.
            self._queues[key] = self._queues.pop(key)
        return batch

    def _run(self, batch: list[_Request]) -> list[Outputs | Exception]:
        """Returns outputs or the error of each; on a worker thread."""
        first = batch[0]
        rows_at_once = max(1, self._limits.max_batch_tokens // first.cost.length_class)
        computation = first.computation
        if computation.rows > rows_at_once and computation.signature.merges_rows:
            return run_in_parts(computation, rows_at_once)  # It is alone in its batch.
        return run_together([request.computation for request in batch])

    def _fits(self, rows: int, tokens: int, request: _Request) -> bool:
        return (
            rows + request.rows <= self._limits.max_batch_size
            and tokens + request.cost.tokens <= self._limits.max_batch_tokens
        )

    async def _run_batch(self, batch: list[_Request]) -> None:
        computations = [request.computation for request in batch]
        start = time.monotonic()
        try:
            results = await asyncio.get_running_loop().run_in_executor(
                self._executor, self._run, batch
            )
        finally:
            self._idle_workers += 1
            self._start_batches()
        for request, result in zip(batch, results, strict=True):
            if request.answer.done():
                continue
            if isinstance(result, Exception):
                request.answer.set_exception(result)
            else:
                request.answer.set_result(result)
        waited = [start - request.arrival for request in batch]
        self._observer.batch_ran(computations, waited, time.monotonic() - start)


def _is_expired(request: _Request) -> bool:
    """Says whether nobody wants the answer any more; tells a caller whose time is up."""
    if request.answer.done():
        return True
    if request.deadline is None or time.monotonic() < request.deadline:
        return False
    request.answer.set_exception(
        ServingError(grpc.StatusCode.DEADLINE_EXCEEDED, "Deadline Exceeded")
    )
    return True

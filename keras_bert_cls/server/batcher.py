"""Gathers requests into batches while the workers are busy.

There is no timer: an idle worker takes what is there at once, so a lone request never waits, and
under load the batches grow by themselves.
"""

import asyncio
import collections
import dataclasses
import itertools
import logging
import time
from concurrent import futures

import grpc
import numpy as np

from keras_bert_cls.server.computation import Computation, merged, split
from keras_bert_cls.server.status_errors import ServingError, invalid_argument

_logger = logging.getLogger(__name__)

Outputs = dict[str, np.ndarray]


@dataclasses.dataclass(frozen=True, eq=False)
class _Request:
    computation: Computation
    deadline: float | None  # of time.monotonic()
    answer: asyncio.Future[Outputs]

    @property
    def size(self) -> int:
        """What the request takes of a batch and of the queue; an empty one takes a place too."""
        return max(1, self.computation.rows)


class Batcher:
    """Runs computations on worker threads, those of the same key together.

    `run` and `close` belong to one event loop.

    Args:
      workers: batches that run at a time.
      max_batch_size: rows of a batch, and of a single request.
      max_enqueued_batches: full batches that may wait; more is refused.
    """

    def __init__(self, *, workers: int, max_batch_size: int, max_enqueued_batches: int):
        self._max_batch_size = max_batch_size
        self._max_queued = max_batch_size * max_enqueued_batches
        self._queued = 0
        self._idle_workers = workers
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
          ServingError: too many rows, a full queue, a deadline that passed before the work began,
            or the graph refused the inputs.
        """
        if computation.rows > self._max_batch_size:
            raise invalid_argument(
                f"Task size {computation.rows} is larger than maximum input batch size "
                f"{self._max_batch_size}"
            )
        request = _Request(computation, deadline, asyncio.get_running_loop().create_future())
        if self._queued + request.size > self._max_queued:
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

    def _enqueue(self, request: _Request) -> tuple[object, ...]:
        computation = request.computation
        key = computation.batch_key
        if not computation.signature.merges_rows:
            key = (*key, next(self._alone))
        self._queues.setdefault(key, collections.deque()).append(request)
        self._queued += request.size
        return key

    def _take(self, key: tuple[object, ...], request: _Request) -> None:
        queue = self._queues[key]
        queue.remove(request)
        self._queued -= request.size
        if not queue:
            del self._queues[key]

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
        rows = 0
        while queue and rows + queue[0].size <= self._max_batch_size:
            request = queue[0]
            self._take(key, request)
            if not _is_expired(request):
                batch.append(request)
                rows += request.size
        if queue:
            # What is left waits its turn behind the other keys.
            self._queues[key] = self._queues.pop(key)
        return batch

    async def _run_batch(self, batch: list[_Request]) -> None:
        computations = [request.computation for request in batch]
        try:
            results = await asyncio.get_running_loop().run_in_executor(
                self._executor, _run_together, computations
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


def _run_together(computations: list[Computation]) -> list[Outputs | Exception]:
    """Returns outputs or the error of each; runs on a worker thread.

    If the batch fails, each runs alone: only the one that is at fault fails, with its own message.
    """
    rows = [computation.rows for computation in computations]
    if len(computations) > 1:
        try:
            outputs = merged(computations).run()
            if all(array.shape[0] == sum(rows) for array in outputs.values()):
                return list(split(outputs, rows))
        except Exception as error:
            _logger.debug("a batch of %d requests failed: %s", len(computations), error)
    return [_run_alone(computation) for computation in computations]


def _run_alone(computation: Computation) -> Outputs | Exception:
    try:
        return computation.run()
    except Exception as error:
        return error

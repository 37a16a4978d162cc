"""Gathers requests into batches while the workers are busy.

There is no timer: an idle worker takes what is there at once, so a lone request never waits, and
under load the batches grow by themselves. A batch holds texts of about one length, at most a
number of tokens: a short text never shares a batch with a long one, and pays for none.
"""

import asyncio
import time
from concurrent import futures

import grpc

from keras_bert_cls.server.batch_run import Outputs, run_in_parts, run_together
from keras_bert_cls.server.computation import Computation
from keras_bert_cls.server.request_queue import BatchLimits, Request, RequestQueue
from keras_bert_cls.server.status_errors import ServingError, invalid_argument
from keras_bert_cls.server.text_cost import cost_of


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
        """So many rows wait now; told from any thread."""


class Batcher:
    """Runs computations on worker threads, those of the same key and length together.

    It belongs to the event loop that runs when it is made.

    Args:
      workers: batches that run at a time.
      limits: see BatchLimits.
      observer: is told of every batch.
    """

    def __init__(self, workers: int, limits: BatchLimits, observer: BatchObserver | None = None):
        self._limits = limits
        self._observer = observer or BatchObserver()
        self._queue = RequestQueue(limits, self._observer.queue_changed)
        self._idle_workers = workers
        self._executor = futures.ThreadPoolExecutor(workers, thread_name_prefix="batch")
        self._loop = asyncio.get_running_loop()

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
        key = self._queue.put(request)
        self._start_workers()
        try:
            return await request.answer
        except asyncio.CancelledError:
            self._queue.discard(key, request)
            raise

    @property
    def queued_rows(self) -> int:
        """Rows that wait now."""
        return self._queue.rows

    async def close(self) -> None:
        """Waits for the batches that run, and frees the threads."""
        await asyncio.to_thread(self._executor.shutdown)

    def _checked(self, computation: Computation, deadline: float | None) -> Request:
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
        return Request(computation, cost, self._loop.create_future(), deadline)

    # === On the event loop ===

    def _start_workers(self) -> None:
        while self._idle_workers and (batch := self._take()):
            self._idle_workers -= 1
            work = self._loop.run_in_executor(self._executor, self._work, batch)
            work.add_done_callback(self._rest)

    def _rest(self, work: asyncio.Future[None]) -> None:
        self._idle_workers += 1
        self._start_workers()  # A request may have come after the worker looked for one.
        work.result()

    def _answer(
        self, batch: list[Request], results: list[Outputs | Exception], start: float, end: float
    ) -> None:
        for request, result in zip(batch, results, strict=True):
            _settle(request, result)
        waited = [start - request.arrival for request in batch]
        self._observer.batch_ran([request.computation for request in batch], waited, end - start)

    # === On any thread ===

    def _take(self) -> list[Request]:
        batch, late = self._queue.take()
        for request in late:
            error = ServingError(grpc.StatusCode.DEADLINE_EXCEEDED, "Deadline Exceeded")
            self._loop.call_soon_threadsafe(_settle, request, error)
        return batch

    # === On a worker ===

    def _work(self, batch: list[Request]) -> None:
        """Runs batches until no request waits: asking the event loop for each would take time."""
        while batch:
            start = time.monotonic()
            results = self._run(batch)
            end = time.monotonic()
            self._loop.call_soon_threadsafe(self._answer, batch, results, start, end)
            batch = self._take()

    def _run(self, batch: list[Request]) -> list[Outputs | Exception]:
        """Returns outputs or the error of each."""
        first = batch[0]
        rows_at_once = max(1, self._limits.max_batch_tokens // first.cost.length_class)
        computation = first.computation
        if computation.rows > rows_at_once and computation.signature.merges_rows:
            return run_in_parts(computation, rows_at_once)  # It is alone in its batch.
        return run_together([request.computation for request in batch])


def _settle(request: Request, result: Outputs | Exception) -> None:
    if request.answer.done():
        return
    if isinstance(result, Exception):
        request.answer.set_exception(result)
    else:
        request.answer.set_result(result)

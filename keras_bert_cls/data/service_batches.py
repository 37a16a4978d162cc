"""Batches that a tf.data service makes on other machines, in order, whatever dies there."""

import logging
import queue
import socket
import threading
from collections.abc import Iterator

import numpy as np
import tensorflow as tf

from keras_bert_cls.data.batch_source import Shard
from keras_bert_cls.data.batches import Batch
from keras_bert_cls.data.shard_windows import ShardWindows
from keras_bert_cls.data.window_batches import WindowBatches
from keras_bert_cls.data.window_buffer import WindowBuffer
from keras_bert_cls.errors import UserError

_CONNECT_SECONDS = 10.0
_SILENCE_SECONDS = 60.0
_BATCHES_AHEAD = 8
_THREADS = 4
_logger = logging.getLogger(__name__)


class ServiceBatches:
    """Takes the batches of windows from a tf.data service.

    The service hands windows to its workers as these ask for them (DYNAMIC sharding), each at most
    once: what a worker that dies had in hand does not come. Such windows, and all while the service
    is silent, are made here, by the same graph: the batches are the same whatever happens.

    Args:
      batches: makes the batches of windows.
      windows: which batches there are.
      address: the dispatcher, host:port.
    """

    def __init__(self, batches: WindowBatches, windows: ShardWindows, address: str):
        self._batches = batches
        self._windows = windows
        self._address = address.removeprefix("grpc://")

    def dataset(self, start_step: int, shard: Shard) -> tf.data.Dataset:
        """Returns a worker's batches from `start_step` on, with `window` and `place`.

        Raises:
          UserError: no dispatcher answers.
        """
        self._check_address()
        start = self._windows.locate(start_step)
        service = tf.data.experimental.service
        remote = self._batches.dataset(*start, shard).apply(
            service.distribute(service.ShardingPolicy.DYNAMIC, f"grpc://{self._address}")
        )

        def in_order() -> Iterator[Batch]:
            arrivals = _Arrivals(remote)
            try:
                yield from self._in_order(arrivals, start_step, shard)
            finally:
                arrivals.stop()

        dataset = tf.data.Dataset.from_generator(in_order, output_signature=remote.element_spec)
        return _with_own_threads(dataset.prefetch(_BATCHES_AHEAD))

    def _check_address(self) -> None:
        host, _, port = self._address.rpartition(":")
        try:
            with socket.create_connection((host, int(port)), _CONNECT_SECONDS):
                return
        except (OSError, ValueError, OverflowError) as error:
            raise UserError(
                f"--data_service {self._address}: expected host:port of a running dispatcher, but "
                f"it does not answer: {error}. Start it with bertcls-data-service."
            ) from error

    def _in_order(self, arrivals: "_Arrivals", start_step: int, shard: Shard) -> Iterator[Batch]:
        first_window, first_place = self._windows.locate(start_step)

        def batches_of(window: int) -> int:
            count = self._windows.steps_in_window(window)
            return count - first_place if window == first_window else count

        buffer = WindowBuffer(batches_of)
        patience = _SILENCE_SECONDS
        local: Iterator[Batch] = iter(())
        local_window = -1
        for window, place in self._windows.places_from(start_step):
            batch = None if window == local_window else buffer.take(window, place)
            while batch is None and window != local_window:
                arrival = None if buffer.is_lost(window) else arrivals.next(patience)
                if arrival is not None:
                    buffer.put(int(arrival["window"]), int(arrival["place"]), arrival)
                    patience = _SILENCE_SECONDS
                    batch = buffer.take(window, place)
                    continue
                if patience and not buffer.is_lost(window):
                    patience = 0.0  # until something comes again
                    _logger.warning("the data service at %s is silent", self._address)
                _logger.warning("window %d did not come from the data service: made here", window)
                buffer.drop(window)
                local_window = window
                made_here = self._batches.dataset(window, place, shard, 1)
                local = _with_own_threads(made_here).as_numpy_iterator()
            yield next(local) if batch is None else batch


def _with_own_threads(dataset: tf.data.Dataset) -> tf.data.Dataset:
    """Keeps a dataset that waits, and one that is made meanwhile, from waiting for each other."""
    options = tf.data.Options()
    options.threading.private_threadpool_size = _THREADS
    return dataset.with_options(options)


class _Arrivals:
    """Reads a dataset in a thread, so that one can wait for a limited time."""

    def __init__(self, dataset: tf.data.Dataset):
        self._queue: queue.Queue[dict[str, np.ndarray] | None] = queue.Queue(_BATCHES_AHEAD)
        self._stopped = threading.Event()
        self._ended = False
        threading.Thread(target=self._read, args=(dataset,), daemon=True).start()

    def next(self, seconds: float) -> dict[str, np.ndarray] | None:
        """Returns the next batch; None if none comes for so long, or none will come any more."""
        if self._ended:
            return None
        try:
            batch = self._queue.get(timeout=seconds) if seconds else self._queue.get_nowait()
        except queue.Empty:
            return None
        self._ended = batch is None
        return batch

    def stop(self) -> None:
        """Lets the thread end."""
        self._stopped.set()
        while not self._queue.empty():
            self._queue.get_nowait()

    def _read(self, dataset: tf.data.Dataset) -> None:
        try:
            for batch in dataset.as_numpy_iterator():
                self._queue.put(batch)
                if self._stopped.is_set():
                    return
        except tf.errors.OpError as error:
            _logger.warning("the data service failed: %s", error.message)
        self._queue.put(None)

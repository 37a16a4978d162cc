"""Merges what the workers write, whole lines only."""

import collections
import dataclasses
import os
import selectors
import threading
from collections.abc import Iterable, Sequence
from typing import BinaryIO

from keras_bert_cls.launching.line_splitter import LineSplitter
from keras_bert_cls.launching.line_writer import LineWriter

_CHUNK = 1 << 16
_LAST_LINES = 20
_JOIN_SECONDS = 5.0


@dataclasses.dataclass(frozen=True)
class Destinations:
    """Where the workers' lines go.

    Attributes:
      stdout, stderr: the launcher's own.
      logs: each worker's log file; () for none.
    """

    stdout: LineWriter
    stderr: LineWriter
    logs: Sequence[LineWriter] = ()


class WorkerStream:
    """One pipe of a worker, and where its lines go.

    Bytes that are no UTF-8 come out as \\xNN.

    Args:
      pipe: to read from.
      prefix: put before each line on `ours`.
      ours: the launcher's own standard output or error.
      log: the worker's log file, which gets no prefix; None without one.

    Attributes:
      last_lines: the newest ones.
    """

    def __init__(self, pipe: BinaryIO, prefix: str, ours: LineWriter, log: LineWriter | None):
        self.pipe = pipe
        self.last_lines: collections.deque[str] = collections.deque(maxlen=_LAST_LINES)
        self._prefix = prefix
        self._ours = ours
        self._log = log
        self._splitter = LineSplitter()

    def copy(self) -> bool:
        """Copies what is there; returns False at the end of the stream."""
        chunk = os.read(self.pipe.fileno(), _CHUNK)
        self._give(self._splitter.feed(chunk) if chunk else self._splitter.finish())
        return bool(chunk)

    def _give(self, raw_lines: Iterable[bytes]) -> None:
        lines = [line.decode("utf-8", "backslashreplace") for line in raw_lines]
        self.last_lines.extend(lines)
        self._ours.write(f"{self._prefix}{line}" for line in lines)
        if self._log is not None:
            self._log.write(lines)


class WorkerOutput:
    """Copies all streams of a start's workers, from a thread of its own.

    Args:
      streams: of all workers.
    """

    def __init__(self, streams: Sequence[WorkerStream]):
        self._streams = streams
        self._thread = threading.Thread(target=self._copy, daemon=True)
        self._thread.start()

    def join(self) -> None:
        """Waits until all is copied.

        Not for ever: a process that a worker let go of may still hold its output open.
        """
        self._thread.join(_JOIN_SECONDS)

    def _copy(self) -> None:
        with selectors.DefaultSelector() as selector:
            for stream in self._streams:
                selector.register(stream.pipe, selectors.EVENT_READ, stream)
            while selector.get_map():
                for key, _ in selector.select():
                    if not key.data.copy():
                        selector.unregister(key.fileobj)
                        key.data.pipe.close()

"""Writes whole lines where several threads do."""

import os
import pathlib
import select
import threading
from collections.abc import Callable, Iterable

from keras_bert_cls.errors import UserError


class LineWriter:
    """Writes lines to a file descriptor.

    A reader that went away or a full disk must not end a run of days: after the first failure the
    writer is silent.

    Args:
      descriptor: where to.
      on_failure: called with the error that ends the writing.
    """

    def __init__(self, descriptor: int, on_failure: Callable[[OSError], None] | None = None):
        self._descriptor = descriptor
        self._on_failure = on_failure
        self._failed = False
        self._lock = threading.Lock()

    @classmethod
    def append_to(
        cls, path: pathlib.Path, on_failure: Callable[[OSError], None] | None = None
    ) -> "LineWriter":
        """Returns a writer that appends to a file; makes the folders above it.

        Raises:
          UserError: the file can't be written.
        """
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666)
        except OSError as error:
            raise UserError(f"cannot write {path}: {error.strerror}") from error
        return cls(descriptor, on_failure)

    def close(self) -> None:
        """Closes the descriptor."""
        os.close(self._descriptor)

    def write(self, lines: Iterable[str]) -> None:
        """Writes lines, given without their ends, with nothing of others in between."""
        text = "".join(f"{line}\n" for line in lines).encode("utf-8", "surrogateescape")
        with self._lock:
            try:
                while text and not self._failed:
                    text = text[self._write_some(text) :]
            except OSError as error:
                self._failed = True
                if self._on_failure is not None:
                    self._on_failure(error)

    def _write_some(self, text: bytes) -> int:
        try:
            return os.write(self._descriptor, text)
        except BlockingIOError:  # Whoever gave us the descriptor doesn't want it to block.
            select.select([], [self._descriptor], [])
            return 0

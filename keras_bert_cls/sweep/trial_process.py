"""One run of a trial: a bertcls-finetune of its own, watched until it ends."""

import dataclasses
import os
import pathlib
import threading
import time
from collections.abc import Callable, Sequence

from keras_bert_cls.launching.line_writer import LineWriter
from keras_bert_cls.launching.worker_output import WorkerOutput, WorkerStream
from keras_bert_cls.launching.worker_process import WorkerProcess

_POLL_SECONDS = 0.5


@dataclasses.dataclass(frozen=True)
class RunEnd:
    """How a run ended.

    Attributes:
      code: its exit code; negative for a signal.
      stopped: whether it was asked to stop.
      last_words: what it wrote to its standard error last.
    """

    code: int
    stopped: bool
    last_words: list[str]


def run_process(
    command: Sequence[str],
    environment: dict[str, str],
    log: pathlib.Path,
    wants_stop: Callable[[], bool],
    grace_seconds: float,
) -> RunEnd:
    """Runs a command to its end, or asks it to stop (SIGTERM), or kills it.

    It dies with this process, however that ends.

    Args:
      command: the program and its arguments.
      environment: beside this process's own.
      log: file that its output is appended to.
      wants_stop: asked twice a second whether it is to stop.
      grace_seconds: from SIGTERM to SIGKILL.
    """
    ended, codes = threading.Event(), []

    def note_exit(code: int) -> None:
        codes.append(code)
        ended.set()

    writer = LineWriter.append_to(log)
    inherited = {**os.environ, "PYTHONUNBUFFERED": "1"}
    process = WorkerProcess(command, {**inherited, **environment}, note_exit)
    errors = WorkerStream(process.stderr, "", writer, None)
    output = WorkerOutput([WorkerStream(process.stdout, "", writer, None), errors])
    deadline = None
    while not ended.wait(_POLL_SECONDS):
        if deadline is None and wants_stop():
            process.terminate()
            deadline = time.monotonic() + grace_seconds
        elif deadline is not None and time.monotonic() > deadline:
            process.kill()
    output.join()
    writer.close()
    return RunEnd(codes[0], deadline is not None, list(errors.last_lines))

"""Runs workers on this machine; the way in for programs."""

import contextlib
import pathlib
import time
from collections.abc import Sequence

from keras_bert_cls.launching.happenings import Happenings, stop_signals_to
from keras_bert_cls.launching.journal import Journal
from keras_bert_cls.launching.line_writer import LineWriter
from keras_bert_cls.launching.local_team import LocalTeam, check_program
from keras_bert_cls.launching.options import LaunchOptions
from keras_bert_cls.launching.supervisor import Supervisor
from keras_bert_cls.launching.worker_output import Destinations


def launch(command: Sequence[str], options: LaunchOptions) -> int:
    """Runs workers until their run is done, and returns the exit code for the launcher.

    Takes over SIGTERM, SIGINT and SIGHUP meanwhile; call it from the main thread.

    Args:
      command: the training program and its arguments.
      options: how many workers, and how they are looked after.

    Raises:
      UserError: there is no such program, or a log file can't be written.
    """
    check_program(command[0])
    stdout, stderr = LineWriter(1), LineWriter(2)
    happenings = Happenings()
    with contextlib.ExitStack() as stack:

        def open_log(path: pathlib.Path) -> LineWriter:
            writer = LineWriter.append_to(
                path,
                lambda error: stderr.write(
                    [f"bertcls-launch: no more is written to {path}: {error.strerror}"]
                ),
            )
            stack.callback(writer.close)
            return writer

        journal = Journal(stderr, open_log(options.events) if options.events else None)
        logs = []
        if options.log_dir is not None:
            logs = [open_log(options.log_dir / f"worker-{i}.log") for i in range(options.workers)]

        destinations = Destinations(stdout, stderr, logs)

        def start_team(start: int) -> LocalTeam:
            return LocalTeam(command, options, start, happenings, destinations, journal)

        stack.enter_context(stop_signals_to(happenings))
        return Supervisor(options, start_team, happenings.next, time.monotonic, journal).run()

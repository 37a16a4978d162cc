"""One worker: a process in a session of its own, which ends with the launcher."""

import os
import pathlib
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import BinaryIO, cast

_TETHER = pathlib.Path(__file__).with_name("tether.py")


class WorkerProcess:
    """A running worker.

    Args:
      command: the program and its arguments.
      environment: all of the process's environment.
      on_exit: called from a thread with the exit code, once; negative for a signal. What the
        worker had started is dead by then.

    Attributes:
      stdout, stderr: pipes with what it writes.
    """

    def __init__(
        self,
        command: Sequence[str],
        environment: Mapping[str, str],
        on_exit: Callable[[int], None],
    ):
        self._on_exit = on_exit
        self._reaped = False  # From then on the id may name another process.
        self._lock = threading.Lock()
        lifeline, self._held_end = os.pipe()
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-I", "-S", str(_TETHER), str(lifeline), *command],
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                start_new_session=True,
                pass_fds=(lifeline,),
            )
        finally:
            os.close(lifeline)
        self.stdout = cast(BinaryIO, self._process.stdout)
        self.stderr = cast(BinaryIO, self._process.stderr)
        threading.Thread(target=self._wait, daemon=True).start()

    @property
    def pid(self) -> int:
        """The process's id, and its process group's."""
        return self._process.pid

    def terminate(self) -> None:
        """Asks the worker to save and stop. What it has started is left to it."""
        self._send(os.kill, signal.SIGTERM)

    def kill(self) -> None:
        """Kills the worker and all that it has started."""
        self._send(os.killpg, signal.SIGKILL)

    def _send(self, send: Callable[[int, int], None], number: signal.Signals) -> None:
        with self._lock:
            if not self._reaped:
                send(self.pid, number)

    def _wait(self) -> None:
        os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOWAIT)
        with self._lock:
            os.killpg(self.pid, signal.SIGKILL)
            code = self._process.wait()
            self._reaped = True
        os.close(self._held_end)
        self._on_exit(code)

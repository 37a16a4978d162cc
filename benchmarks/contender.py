"""A contender in a process of its own: its libraries, threads and memory are not shared."""

import json
import os
import pathlib
import re
import subprocess
import sys
from collections.abc import Sequence
from typing import Any

# What TensorFlow, PyTorch with its OpenMP, our worker of ONNX Runtime and tokenizers look at.
_THREADS = ("TF_NUM_INTRAOP_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "RAYON_NUM_THREADS")


def thread_variables(threads: int) -> dict[str, str]:
    """Returns the environment that gives an operation so many threads; 0: as each chooses."""
    return dict.fromkeys(_THREADS, str(threads)) if threads else {}


class Contender:
    """A worker that answers requests, see benchmarks/peers/worker_loop.py.

    Args:
      module: the worker's module, such as "benchmarks.peers.torch_model".
      python: of the environment that it runs in; ours by default.
      log: where what it prints goes; it is told when the worker fails.
      environment: variables beside those of this process.
    """

    def __init__(
        self,
        module: str,
        log: pathlib.Path,
        python: str | os.PathLike = sys.executable,
        environment: dict[str, str] | None = None,
        arguments: Sequence[str] = (),
    ):
        self._log = log
        with open(log, "w") as file:
            self._process = subprocess.Popen(
                [python, "-m", module, *arguments],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=file,
                env={**os.environ, **(environment or {})},
                text=True,
                encoding="utf-8",
            )

    def ask(self, action: str, **arguments: object) -> Any:
        """Returns what an action of the worker returns.

        Raises:
          RuntimeError: the worker died; the message holds the end of what it printed.
        """
        assert self._process.stdin and self._process.stdout
        try:
            self._process.stdin.write(json.dumps({"action": action, **arguments}) + "\n")
            self._process.stdin.flush()
            answer = self._process.stdout.readline()
        except BrokenPipeError:
            answer = ""
        if not answer:
            tail = self._log.read_text(errors="replace")[-2000:]
            raise RuntimeError(f"{self._process.args} failed at {action}:\n{tail}")
        return json.loads(answer)

    def resident_megabytes(self) -> float:
        """Returns the memory of the process now."""
        status = pathlib.Path(f"/proc/{self._process.pid}/status").read_text()
        (line,) = re.findall(r"VmRSS:\s+(\d+) kB", status)
        return int(line) / 1024

    def close(self) -> None:
        """Ends the process."""
        assert self._process.stdin and self._process.stdout
        self._process.stdin.close()
        self._process.stdout.close()
        self._process.wait()

    def __enter__(self) -> "Contender":
        return self

    def __exit__(self, *_) -> None:
        self.close()

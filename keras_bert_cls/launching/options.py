"""What a user says about how to run the workers."""

import dataclasses
import pathlib


@dataclasses.dataclass(frozen=True)
class LaunchOptions:
    """How the workers of one machine are run.

    Attributes:
      workers: how many; a single one gets no TF_CONFIG but the launcher's own, if there is one.
      max_restarts: how often they are started again at most.
      longest_wait_seconds: between a failure and the next start; waits grow from 1 s to this.
      grace_seconds: how long they have to leave when another one failed, or to save and stop.
      gpus: GPUs of each worker; 0 leaves to the workers which they take.
      log_dir: folder for worker-I.log, or None.
      events: file for JSON lines, or None.
    """

    workers: int = 2
    max_restarts: int = 10
    longest_wait_seconds: float = 60.0
    grace_seconds: float = 60.0
    gpus: int = 0
    log_dir: pathlib.Path | None = None
    events: pathlib.Path | None = None

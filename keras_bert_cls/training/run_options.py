"""Where and how a run is executed: what changes no result. Imports no TensorFlow."""

import dataclasses

from keras_bert_cls.data.config import choice_problem
from keras_bert_cls.errors import UserError

STRATEGIES = ("auto", "one", "mirrored", "multi_worker")
COMMUNICATIONS = ("auto", "ring", "nccl")
LOG_FORMATS = ("text", "json")

PREEMPTED = 42
"""Exit code of a run that was asked to stop (SIGTERM) and saved its state."""
PEER_LOST = 75
"""Exit code of a run that lost another worker; the same command resumes (EX_TEMPFAIL)."""


@dataclasses.dataclass(frozen=True)
class RunOptions:
    """The devices of a run, and what it tells about itself.

    None of it is part of a run's identity: a run may be resumed on other devices.

    Attributes:
      strategy: "one" device; "mirrored" over this machine's devices; "multi_worker" over machines;
        "auto" takes multi_worker where there is a cluster of several tasks, mirrored where there
        are several GPUs, else one.
      devices: how many of this machine's devices "mirrored" and "multi_worker" use; 0 for all GPUs.
        On a machine without GPUs, that many logical CPUs.
      communication: how workers sum gradients: "ring" (gRPC), "nccl" (GPUs) or "auto".
      cluster: host:port of every worker, in order; () takes TF_CONFIG from the environment.
      task: this process's place in `cluster`.
      profile_steps: the first and the last step whose profile TensorBoard shows; None for none.
      log_format: how progress is told on the standard error: "text", or "json", an object a line.
      data_service: host:port of a tf.data service's dispatcher that makes the batches of packed
        shards; "" makes them in this process.
      peak_tflops: of one device, for the model FLOP utilisation; 0 leaves that out.
    """

    strategy: str = "auto"
    devices: int = 0
    communication: str = "auto"
    cluster: tuple[str, ...] = ()
    task: int = 0
    profile_steps: tuple[int, int] | None = None
    log_format: str = "text"
    data_service: str = ""
    peak_tflops: float = 0.0

    def check(self) -> None:
        """Raises UserError if an option is wrong; names the flags that set them."""
        found = [
            *choice_problem("--strategy", self.strategy, STRATEGIES),
            *choice_problem("--communication", self.communication, COMMUNICATIONS),
            *choice_problem("--log_format", self.log_format, LOG_FORMATS),
        ]
        if self.devices < 0:
            found.append(f"--devices must be at least 0, got {self.devices}")
        if self.peak_tflops < 0:
            found.append(f"--peak_tflops must be at least 0, got {self.peak_tflops}")
        if self.cluster and not 0 <= self.task < len(self.cluster):
            found.append(
                f"--task must be in [0, {len(self.cluster)}), the tasks of --cluster, "
                f"got {self.task}"
            )
        if self.profile_steps is not None:
            first, last = self.profile_steps
            if not 1 <= first <= last:
                found.append(
                    f"--profile_steps must be FIRST:LAST with 1 <= FIRST, got {first}:{last}"
                )
        if found:
            raise UserError("\n".join(found))

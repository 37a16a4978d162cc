"""What a user says about a run on a Kubernetes cluster."""

import dataclasses
import pathlib
import re
from collections.abc import Sequence

from keras_bert_cls.errors import UserError

_SERVICE_NAME = re.compile(r"[a-z]([-a-z0-9]*[a-z0-9])?")
_NAMESPACE_NAME = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
_LONGEST_LABEL = 63


@dataclasses.dataclass(frozen=True)
class ManifestOptions:
    """How the workers of a cluster are run.

    Attributes:
      name: of the job, and the start of its pods' names.
      image: container image with the training program.
      volume_claim: PersistentVolumeClaim for the run's folder, shared by all workers.
      mount_path: where the pods see it.
      namespace: of the job; "" leaves it to kubectl.
      workers: how many pods.
      gpus: of each pod; 0 for none.
      max_restarts: how often the workers may fail.
      grace_seconds: from SIGTERM to SIGKILL: how long they have to save.
    """

    name: str
    image: str
    volume_claim: str
    mount_path: str = "/runs"
    namespace: str = ""
    workers: int = 2
    gpus: int = 0
    max_restarts: int = 10
    grace_seconds: float = 60.0

    def check(self, command: Sequence[str]) -> None:
        """Raises UserError if Kubernetes would refuse it, or the run would be lost with its pods.

        Args:
          command: the training program and its arguments.
        """
        found = []
        # The longest name that is made of it.
        longest = len(f"{self.name}-worker-{self.workers - 1}")
        if not _SERVICE_NAME.fullmatch(self.name) or longest > _LONGEST_LABEL:
            found.append(
                "--name: expected small letters, digits and -, a letter first, with "
                f"-worker-{self.workers - 1} at most {_LONGEST_LABEL} long; got {self.name!r}"
            )
        if self.namespace and not _NAMESPACE_NAME.fullmatch(self.namespace):
            found.append(
                f"--namespace: expected small letters, digits and -; got {self.namespace!r}"
            )
        if not self.mount_path.startswith("/"):
            found.append(f"--mount_path: expected a path from /, got {self.mount_path!r}")
        workdir = _workdir(command)
        if workdir is not None and not pathlib.PurePosixPath(workdir).is_relative_to(
            self.mount_path
        ):
            found.append(
                f"--workdir: expected a folder under {self.mount_path}, where the volume is "
                f"(--mount_path), got {workdir!r}: it would be lost with its pod"
            )
        if found:
            raise UserError("\n".join(found))


def _workdir(command: Sequence[str]) -> str | None:
    """Returns the --workdir of a training program's command, if it is there."""
    for at, argument in enumerate(command):
        if argument.startswith("--workdir="):
            return argument.removeprefix("--workdir=")
        if argument == "--workdir":
            return next(iter(command[at + 1 :]), None)
    return None

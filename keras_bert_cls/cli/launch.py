"""Runs a training program as several workers, and starts them again when one dies.

  bertcls-launch --workers 2 -- bertcls-pretrain --config C --workdir W
  bertcls-launch --manifest tfjob --workers 4 --gpus 1 --name news --image registry/bert:1 \\
      --volume_claim runs -- bertcls-pretrain --config C --workdir /runs/news

The first form runs the workers on this machine, with TF_CONFIG; --workers 1 looks after a single
process, also after this machine's part of a run on several machines. The second prints what
`kubectl apply --filename -` takes.

SIGTERM and Ctrl-C let the workers save; a second Ctrl-C kills them. Exit codes: 0 done; 1, 2 a
worker's error that would come again; 42 stopped and saved; otherwise the last failure's.
"""

import pathlib
import shlex
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from absl import flags

from keras_bert_cls.cli.program import Program
from keras_bert_cls.errors import UserError
from keras_bert_cls.launching.manifest_options import ManifestOptions
from keras_bert_cls.launching.options import LaunchOptions

program = Program("bertcls-launch", __doc__)
program.flags.set_gnu_getopt(False)  # The command's own flags are not ours.

_KINDS = ("job", "tfjob")
_NEEDED = ("image", "name", "volume_claim")

_WORKERS = flags.DEFINE_integer(
    "workers", None, "How many workers.", lower_bound=1, required=True, flag_values=program.flags
)
_GPUS = flags.DEFINE_integer(
    "gpus",
    0,
    "GPUs of each worker; 0 leaves CUDA_VISIBLE_DEVICES as it is.",
    lower_bound=0,
    flag_values=program.flags,
)
_MAX_RESTARTS = flags.DEFINE_integer(
    "max_restarts",
    LaunchOptions.max_restarts,
    "How often the workers are started again at most.",
    lower_bound=0,
    flag_values=program.flags,
)
_LONGEST_WAIT_SECONDS = flags.DEFINE_float(
    "longest_wait_seconds",
    LaunchOptions.longest_wait_seconds,
    "Waits before restarts are 1 s, 2 s, 4 s, …, up to this.",
    lower_bound=0,
    flag_values=program.flags,
)
_GRACE_SECONDS = flags.DEFINE_float(
    "grace_seconds",
    LaunchOptions.grace_seconds,
    "How long workers have to leave when another one failed, and to save after SIGTERM.",
    lower_bound=0,
    flag_values=program.flags,
)
_LOG_DIR = flags.DEFINE_string(
    "log_dir", None, "Folder for worker-I.log, appended to.", flag_values=program.flags
)
_EVENTS = flags.DEFINE_string(
    "events",
    None,
    "File for a JSON object a line: started, exited, restarting, finished. Appended to.",
    flag_values=program.flags,
)
_MANIFEST = flags.DEFINE_enum(
    "manifest",
    None,
    _KINDS,
    "Print a manifest instead: a Kubeflow TFJob, or an indexed Job with its Service.",
    flag_values=program.flags,
)
_IMAGE = flags.DEFINE_string(
    "image", None, "With --manifest: the container image.", flag_values=program.flags
)
_NAME = flags.DEFINE_string(
    "name", None, "With --manifest: the job's name.", flag_values=program.flags
)
_VOLUME_CLAIM = flags.DEFINE_string(
    "volume_claim",
    None,
    "With --manifest: the PersistentVolumeClaim of --workdir, shared by all workers.",
    flag_values=program.flags,
)
_MOUNT_PATH = flags.DEFINE_string(
    "mount_path",
    ManifestOptions.mount_path,
    "With --manifest: where the pods see the volume.",
    flag_values=program.flags,
)
_NAMESPACE = flags.DEFINE_string(
    "namespace", "", "With --manifest: the job's namespace.", flag_values=program.flags
)


@flags.multi_flags_validator(
    ["manifest", *_NEEDED],
    message=f"--manifest goes with {', '.join(f'--{name}' for name in _NEEDED)}",
    flag_values=program.flags,
)
def _has_what_it_needs(values: Mapping[str, Any]) -> bool:
    return all((values[name] is None) == (values["manifest"] is None) for name in _NEEDED)


def _run(command: list[str], arguments: Sequence[str]) -> int:
    if not command:
        raise UserError("expected a command after --, such as: -- bertcls-pretrain --config …")
    if _MANIFEST.value is None:
        return _launch(command)
    from keras_bert_cls.launching.manifest import manifest

    options = ManifestOptions(
        name=_NAME.value or "",
        image=_IMAGE.value or "",
        volume_claim=_VOLUME_CLAIM.value or "",
        mount_path=_MOUNT_PATH.value,
        namespace=_NAMESPACE.value,
        workers=_WORKERS.value,
        gpus=_GPUS.value,
        max_restarts=_MAX_RESTARTS.value,
        grace_seconds=_GRACE_SECONDS.value,
    )
    print(manifest(_MANIFEST.value, options, command, _made_by(arguments, command)), end="")
    return 0


def _launch(command: list[str]) -> int:
    from keras_bert_cls.launching.launch import launch

    options = LaunchOptions(
        workers=_WORKERS.value,
        max_restarts=_MAX_RESTARTS.value,
        longest_wait_seconds=_LONGEST_WAIT_SECONDS.value,
        grace_seconds=_GRACE_SECONDS.value,
        gpus=_GPUS.value,
        log_dir=_path(_LOG_DIR.value),
        events=_path(_EVENTS.value),
    )
    return launch(command, options)


def _path(value: str | None) -> pathlib.Path | None:
    return None if value is None else pathlib.Path(value)


def _made_by(arguments: Sequence[str], command: Sequence[str]) -> str:
    """Returns the command line on two lines: the launcher's part, and the training program's."""
    own = arguments[: len(arguments) - len(command)]
    return f"{shlex.join([program.name, *own])} \\\n  {shlex.join(command)}"


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the program; returns its exit code."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    return program.run(lambda command: _run(command, arguments), arguments, "-- COMMAND")


if __name__ == "__main__":
    raise SystemExit(main())

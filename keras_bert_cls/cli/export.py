"""Exports the model of a finished run for TensorFlow Serving.

Writes OUTPUT/<version>/, a SavedModel that takes raw strings, and checks it: what a server of the
release --server needs, as bertcls-doctor does, the scores against the Keras model, the warm-up
requests. A failed or killed export leaves no version. Serve it with

  bertcls-serve --model_name N --model_base_path OUTPUT
  tensorflow_model_server --model_name=N --model_base_path=OUTPUT --rest_api_port=8501
"""

import hashlib
import json
from collections.abc import Sequence
from typing import Any

from absl import flags

from keras_bert_cls.cli.output_path import check_output_folder
from keras_bert_cls.cli.program import Program
from keras_bert_cls.export.op_tables import DEFAULT_SERVER, SERVERS

program = Program("bertcls-export", __doc__)

_WORKDIR = flags.DEFINE_string(
    "workdir", None, "The --workdir of a finished run.", flag_values=program.flags, required=True
)
_OUTPUT = flags.DEFINE_string(
    "output",
    None,
    "The folder of all versions; made if missing.",
    flag_values=program.flags,
    required=True,
)
_VERSION = flags.DEFINE_integer(
    "version",
    None,
    "The version's number. By default one more than the highest in --output.",
    lower_bound=0,
    flag_values=program.flags,
)
_SERVER = flags.DEFINE_enum(
    "server",
    DEFAULT_SERVER,
    list(SERVERS),
    "The release of TensorFlow Serving that must be able to serve it.",
    flag_values=program.flags,
)
_PRECISION = flags.DEFINE_enum(
    "precision",
    "float32",
    ["float32", "bfloat16"],
    "Of the encoder. bfloat16 is about twice as fast on processors that multiply it, and half as "
    "large; scores change in the second or third digit.",
    flag_values=program.flags,
)
_BRANCHES = flags.DEFINE_integer(
    "branches",
    1,
    "Into which each block of the encoder is cut, for so many threads to compute one text "
    "together. 2 makes single texts faster where a CPU is idle, and is slower on one CPU.",
    lower_bound=1,
    flag_values=program.flags,
)


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the program; returns its exit code."""
    return program.run(_run, argv)


def _run(_: list[str]) -> None:
    check_output_folder("--output", _OUTPUT.value)
    from keras_bert_cls.export.description import describe_signatures
    from keras_bert_cls.export.saved_model import export_saved_model
    from keras_bert_cls.modeling.trained_model import TrainedModel

    trained = TrainedModel.load(_WORKDIR.value)
    folder = export_saved_model(
        trained,
        _OUTPUT.value,
        version=_VERSION.value,
        model_card=_training_card(_WORKDIR.value),
        server=_SERVER.value,
        precision=_PRECISION.value,
        branches=_BRANCHES.value,
    )
    print(folder)
    for line in describe_signatures(folder):
        print(f"  {line}")


def _training_card(workdir: str) -> dict[str, Any]:
    """Returns what the run says about itself: its config's digest and its scores."""
    from keras_bert_cls.training.run_directory import RunDirectory

    run = RunDirectory(workdir)
    card: dict[str, Any] = {}
    if run.config.exists():
        card["config_sha256"] = hashlib.sha256(run.config.read_bytes()).hexdigest()
    if run.scores.exists():
        card["scores"] = json.loads(run.scores.read_text(encoding="utf-8"))
    return card


if __name__ == "__main__":
    raise SystemExit(main())

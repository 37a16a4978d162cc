"""Writes the model of a finished run for another library.

  bertcls-export-weights --workdir runs/reviews --to hf --output reviews-hf
  bertcls-export-weights --workdir runs/base --to keras_nlp --output base-preset

hf is a folder that transformers loads, with the head that the model has; keras_nlp is a preset of
keras-nlp's BertBackbone, which is the encoder alone. Both compute the same numbers as the run's
model; one that the library has no class for is refused. (bertcls-export is for serving.)
"""

from collections.abc import Sequence

from absl import flags

from keras_bert_cls.cli.program import Program

program = Program("bertcls-export-weights", __doc__)

_WORKDIR = flags.DEFINE_string(
    "workdir", None, "The --workdir of a finished run.", flag_values=program.flags, required=True
)
_TO = flags.DEFINE_enum(
    "to",
    None,
    ["hf", "keras_nlp"],
    "The library that is to load it.",
    flag_values=program.flags,
    required=True,
)
_OUTPUT = flags.DEFINE_string(
    "output", None, "The folder to make.", flag_values=program.flags, required=True
)


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the program; returns its exit code."""
    return program.run(_run, argv)


def _run(_: list[str]) -> None:
    from keras_bert_cls.checkpoints.huggingface_export import export_to_huggingface
    from keras_bert_cls.checkpoints.keras_nlp_export import export_to_keras_nlp
    from keras_bert_cls.modeling.trained_model import TrainedModel

    export = {"hf": export_to_huggingface, "keras_nlp": export_to_keras_nlp}[_TO.value]
    export(TrainedModel.load(_WORKDIR.value), _OUTPUT.value)
    print(_OUTPUT.value)


if __name__ == "__main__":
    raise SystemExit(main())

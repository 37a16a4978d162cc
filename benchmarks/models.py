"""The classifiers that benchmarks compare: one model in the formats of all contenders."""

import dataclasses
import itertools
import json
import pathlib
import re
import subprocess
import sys

from absl import flags

from keras_bert_cls.cli.program import Program
from keras_bert_cls.errors import UserError

program = Program("benchmarks.models", __doc__)
_SIZE = flags.DEFINE_string("size", "6x384", "Blocks x width.", flag_values=program.flags)
_CLASSES = flags.DEFINE_integer("classes", 10, "Labels.", 2, flag_values=program.flags)
_VOCABULARY = flags.DEFINE_string(
    "vocabulary", None, "A vocabulary file.", required=True, flag_values=program.flags
)
_OUTPUT = flags.DEFINE_string(
    "output", None, "The folder; made.", required=True, flag_values=program.flags
)
MAX_LENGTH = 512


@dataclasses.dataclass(frozen=True)
class ModelFiles:
    """One model, in a folder for each library.

    Attributes:
      folder: holds the others.
    """

    folder: pathlib.Path

    @property
    def run(self) -> pathlib.Path:
        """Ours, as a finished run has it."""
        return self.folder / "run"

    @property
    def exports(self) -> pathlib.Path:
        """Ours, as SavedModels: versions 1 and 2 in float32 and bfloat16, 3 and 4 with branches."""
        return self.folder / "exports"

    @property
    def huggingface(self) -> pathlib.Path:
        """For transformers, and for ONNX Runtime, whose worker converts it."""
        return self.folder / "huggingface"

    @property
    def keras_nlp(self) -> pathlib.Path:
        """A preset of keras-nlp; the head is in head.npz."""
        return self.folder / "keras_nlp"


def model_files(output: pathlib.Path, size: str, vocabulary: pathlib.Path, classes: int = 10):
    """Returns a model with random weights, made in a process of its own if it is not there yet."""
    folder = output / "models" / f"{size}-{classes}-{vocabulary.stem}"
    if not (folder / "complete").exists():
        subprocess.run(
            [
                *(sys.executable, "-m", "benchmarks.models", f"--size={size}"),
                *(f"--classes={classes}", f"--vocabulary={vocabulary}", f"--output={folder}"),
            ],
            check=True,
            stdout=subprocess.DEVNULL,
        )
    return ModelFiles(folder)


def sizes_of(size: str) -> dict[str, int]:
    """Returns the sizes of an encoder such as "6x384", whose heads are 32 or 64 wide."""
    match = re.fullmatch(r"(\d+)x(\d+)", size)
    if not match:
        raise UserError(f"--size: expected blocks x width such as 6x384, got {size}")
    width = int(match[2])
    return {
        "num_layers": int(match[1]),
        "hidden_dim": width,
        "num_heads": max(1, width // (32 if width < 512 else 64)),
        "intermediate_dim": 4 * width,
    }


def _make(folder: pathlib.Path) -> None:
    import keras
    import numpy as np

    from keras_bert_cls.checkpoints.huggingface_export import export_to_huggingface
    from keras_bert_cls.checkpoints.keras_nlp_export import export_to_keras_nlp
    from keras_bert_cls.export.saved_model import export_saved_model
    from keras_bert_cls.modeling.config import EncoderConfig
    from keras_bert_cls.modeling.models import classifier_model
    from keras_bert_cls.modeling.trained_model import ModelSettings, TrainedModel
    from keras_bert_cls.text.tokenizer import Tokenizer

    keras.utils.set_random_seed(0)
    tokenizer = Tokenizer.from_vocab(_VOCABULARY.value)
    config = EncoderConfig(
        vocabulary_size=len(tokenizer.vocabulary),
        max_sequence_length=MAX_LENGTH,
        **sizes_of(_SIZE.value),  # type: ignore[arg-type]
    )
    model = classifier_model(config, _CLASSES.value)
    random = np.random.default_rng(0)
    for weight in model.weights:
        # Zeros would be folded away, and with them what is to be measured.
        noise = 0.02 if len(weight.shape) == 1 else 0.0
        weight.assign(weight + random.normal(0, noise, weight.shape))
    head = model.get_layer("logits")
    head.kernel.assign(random.normal(0, 0.1, head.kernel.shape))
    labels = tuple(f"label_{number}" for number in range(_CLASSES.value))
    settings = ModelSettings("single_label", labels, max_length=MAX_LENGTH)
    trained = TrainedModel(model, tokenizer, settings)
    files = ModelFiles(folder)
    trained.save(files.run)
    for version, (branches, precision) in enumerate(
        itertools.product((1, 2), ("float32", "bfloat16")), start=1
    ):
        export_saved_model(
            trained, files.exports, version=version, precision=precision, branches=branches
        )
    export_to_huggingface(trained, files.huggingface)
    # keras-nlp has the other gelu, which its worker replaces by ours.
    twin = classifier_model(dataclasses.replace(config, activation="gelu_tanh"), _CLASSES.value)
    twin.set_weights(model.get_weights())
    export_to_keras_nlp(TrainedModel(twin, tokenizer, settings), files.keras_nlp)
    np.savez(files.keras_nlp / "head.npz", kernel=head.kernel.numpy(), bias=head.bias.numpy())


def _run(_: list[str]) -> None:
    folder = pathlib.Path(_OUTPUT.value)
    if not (folder / "complete").exists():
        _make(folder)
        (folder / "complete").write_text(json.dumps({"size": _SIZE.value}))


def main(argv: list[str] | None = None) -> int:
    """Runs the program."""
    return program.run(_run, argv)


if __name__ == "__main__":
    raise SystemExit(main())

"""generation.json: how a sequence-to-sequence model chooses its outputs."""

import dataclasses
import json
import os
import pathlib

from keras_bert_cls.atomic_file import write_text_whole
from keras_bert_cls.errors import UserError
from keras_bert_cls.modeling.decoder_config import GenerationConfig

GENERATION_FILE = "generation.json"


def write_generation(folder: str | os.PathLike, generation: GenerationConfig | None) -> None:
    """Writes a config into a model's folder, at once or not at all; None takes it away."""
    path = pathlib.Path(folder) / GENERATION_FILE
    if generation is None:
        path.unlink(missing_ok=True)
        return
    write_text_whole(path, json.dumps(dataclasses.asdict(generation), indent=2) + "\n")


def read_generation(folder: str | os.PathLike) -> GenerationConfig:
    """Reads what `write_generation` wrote; the default where there is no file.

    Raises:
      UserError: the file is damaged.
    """
    path = pathlib.Path(folder) / GENERATION_FILE
    if not path.exists():
        return GenerationConfig()
    try:
        found = GenerationConfig(**json.loads(path.read_text(encoding="utf-8")))
        problems = found.problems()
    except (ValueError, TypeError) as error:
        problems = [repr(error)]
    if problems:
        fields = ", ".join(field.name for field in dataclasses.fields(GenerationConfig))
        raise UserError(
            f"{path}: expected a JSON object with {fields}; {'; '.join(problems)}. Restore the "
            "file."
        )
    return found

"""Finds a source: a path, or a name on the Hugging Face hub."""

import os
import pathlib
import re

from keras_bert_cls.errors import UserError

_NAME = re.compile(r"[A-Za-z0-9][\w.-]*(/[\w.-]+)?")
_RUNS = "runs/"  # Where our runs go by custom; nobody's name on the hub.
_FILES = (
    "config.json",
    "tokenizer_config.json",
    "tokenizer.json",
    "vocab.txt",
    "model*.safetensors",
    "model.safetensors.index.json",
    "model.weights.h5",
    "task.json",
    "task.weights.h5",
    "assets/tokenizer/vocabulary.txt",
)


def find_source(source: str | os.PathLike, allow_pickle_weights: bool = False) -> pathlib.Path:
    """Returns the local path of a source; downloads it if it is a name on the hub.

    Args:
      source: a path, or a name such as "bert-base-chinese".
      allow_pickle_weights: also download pytorch_model.bin.

    Raises:
      UserError: there is no such path, and no such model on a hub that can be reached.
    """
    path = pathlib.Path(source)
    # The checkpoint bert_model.ckpt is files whose names begin so.
    if path.exists() or path.with_name(f"{path.name}.index").exists():
        return path
    if not _NAME.fullmatch(str(source)) or str(source).startswith(_RUNS):
        raise UserError(
            f"{source} does not exist: expected a folder or file of a checkpoint, or a finished "
            f"run. bertcls-import --output {source} makes one of a checkpoint or a hub's model."
        )
    from huggingface_hub import snapshot_download

    files = [*_FILES, *(["pytorch_model.bin"] if allow_pickle_weights else [])]
    try:
        return pathlib.Path(snapshot_download(str(source), allow_patterns=files))
    except (OSError, ValueError) as error:  # what huggingface_hub's errors derive from
        raise UserError(
            f"{source} is neither a path here nor a model that could be got from the Hugging Face "
            f"hub: {' '.join(str(error).split())[:300]}\n"
            "Without a hub, download the model's files elsewhere, copy them into a folder, and "
            "give that folder."
        ) from error

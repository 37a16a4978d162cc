"""Loads checkpoints of other libraries: Hugging Face, google-research/bert, keras-nlp."""

import json
import os
import pathlib
from collections.abc import Sequence

import keras

from keras_bert_cls.checkpoints import google_checkpoint, huggingface_folder, keras_nlp_model
from keras_bert_cls.checkpoints.hub import find_source
from keras_bert_cls.checkpoints.imported_model import (
    ImportedModel,
    ImportOptions,
    encoder_of,
    make_model,
)
from keras_bert_cls.checkpoints.keras_nlp_files import CLASS_NAMES
from keras_bert_cls.errors import UserError
from keras_bert_cls.modeling.trained_model import MODEL_FILE, SETTINGS_FILE, TrainedModel

_READERS = {
    "hf": huggingface_folder.read_huggingface_folder,
    "google": google_checkpoint.read_google_checkpoint,
    "keras_nlp": keras_nlp_model.read_keras_nlp_model,
}
FORMATS = (*_READERS, "auto")


def import_checkpoint(
    source: str | os.PathLike,
    format: str = "auto",
    *,
    lowercase: bool | None = None,
    labels: Sequence[str] | None = None,
    text_pair: bool = False,
    allow_pickle_weights: bool = False,
) -> ImportedModel:
    """Loads a checkpoint of another library, all of it or nothing.

    Args:
      source: a path, or a name on the Hugging Face hub.
      format: "hf" (a folder that transformers wrote), "google" (a TensorFlow 1 checkpoint of
        google-research/bert), "keras_nlp" (a preset's folder or a .keras file), or "auto".
      lowercase, labels, text_pair, allow_pickle_weights: see ImportOptions.

    Returns:
      The model with the head that the source has: masked language model, classifier, or none.

    Raises:
      UserError: there is no such source; it is no BERT, or one that computes something else than
        ours; a tensor is missing, has another shape than the config says, or has no known use.
    """
    if format not in FORMATS:
        raise UserError(f"format must be one of {', '.join(FORMATS)}, got {format!r}")
    options = ImportOptions(
        lowercase, None if labels is None else tuple(labels), text_pair, allow_pickle_weights
    )
    path = find_source(source, allow_pickle_weights)
    found = detect_format(path) if format == "auto" else format
    if found is None:
        raise UserError(
            f"{path} is no checkpoint: expected a Hugging Face folder (config.json with "
            "model_type, weights), a checkpoint of google-research/bert (bert_model.ckpt.*, "
            "bert_config.json), or a keras-nlp preset or .keras file."
        )
    return make_model(_READERS[found](path, options), options)


def load_encoder(
    source: str | os.PathLike, format: str = "auto", *, allow_pickle_weights: bool = False
) -> keras.Model:
    """Loads the encoder of a finished run, or of a checkpoint as `import_checkpoint` takes it.

    Args:
      source: a workdir, a path, or a name on the Hugging Face hub.
      format: see `import_checkpoint`.
      allow_pickle_weights: see ImportOptions.

    Returns:
      A model like that of `build_encoder`.
    """
    return encoder_of(load_source(source, format, allow_pickle_weights=allow_pickle_weights).model)


def load_source(source: str | os.PathLike, format: str = "auto", **options) -> TrainedModel:
    """Loads a finished run's model, or a checkpoint as `import_checkpoint` does.

    Raises:
      UserError: see TrainedModel.load and `import_checkpoint`.
    """
    if format == "auto":
        path = find_source(source, options.get("allow_pickle_weights", False))
        if path.is_dir() and detect_format(path) is None:  # a run's, or explained as none
            return TrainedModel.load(path)
        source = path
    return import_checkpoint(source, format, **options)


def detect_format(path: pathlib.Path) -> str | None:
    """Returns the format of what is at a path; None for a run of ours and for anything else."""
    if path.suffix == ".keras":
        return "keras_nlp"
    if not path.is_dir():
        return "google" if google_checkpoint.is_checkpoint(path) else None
    if (path / MODEL_FILE).is_file() and (path / SETTINGS_FILE).is_file():
        return None
    if (path / google_checkpoint.CONFIG_FILE).is_file():
        return "google"
    config = path / huggingface_folder.CONFIG_FILE
    if not config.is_file():
        return None
    try:
        content = json.loads(config.read_text(encoding="utf-8"))
    except ValueError:
        return None
    if not isinstance(content, dict):
        return None
    if content.get("class_name") in CLASS_NAMES or "registered_name" in content:
        return "keras_nlp"
    return "hf" if {"model_type", "architectures", "hidden_size"} & content.keys() else None

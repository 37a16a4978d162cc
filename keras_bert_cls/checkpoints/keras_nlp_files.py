"""The files of a keras-nlp (keras-hub) model: a preset's folder, or a .keras file."""

import dataclasses
import io
import json
import pathlib
import zipfile

from keras_bert_cls.checkpoints.hdf5_tensors import read_hdf5
from keras_bert_cls.checkpoints.json_config import JsonConfig
from keras_bert_cls.checkpoints.stored_tensor import StoredTensor
from keras_bert_cls.errors import UserError
from keras_bert_cls.text.vocabulary import Vocabulary

BACKBONE, CLASSIFIER, MASKED_LM = "BertBackbone", "BertTextClassifier", "BertMaskedLM"
CLASS_NAMES = (BACKBONE, CLASSIFIER, MASKED_LM)

# Where the backbone is in the file of a model that stands on it. Its own file leaves this out.
TASK_BACKBONE = "layers/bert_backbone/"

PRESET_VOCABULARY = "assets/tokenizer/vocabulary.txt"


@dataclasses.dataclass(frozen=True)
class SavedFiles:
    """What the files hold.

    Attributes:
      model: the serialized model; a task where there is one, else the backbone.
      tensors: by the names that they have in the file of a task.
      tokens: the vocabulary.
      tokenizer: the serialized tokenizer; None if only its vocabulary is known.
    """

    model: JsonConfig
    tensors: dict[str, StoredTensor]
    tokens: tuple[str, ...]
    tokenizer: JsonConfig | None


def read_files(source: pathlib.Path) -> SavedFiles:
    """Opens a preset's folder or a .keras file.

    A .keras file without a tokenizer takes vocab.txt or vocabulary.txt from beside it.

    Raises:
      UserError: files are missing or damaged.
    """
    return _read_preset(source) if source.is_dir() else _read_keras_file(source)


def class_of(config: JsonConfig) -> str:
    """Returns the class of a serialized model.

    Raises:
      UserError: it is none of CLASS_NAMES.
    """
    kind = config.get("class_name", str, "")
    if kind not in CLASS_NAMES:
        raise UserError(
            f"{config.path}: expected one of keras-nlp's {', '.join(CLASS_NAMES)}, got {kind!r}"
        )
    return kind


def _read_preset(folder: pathlib.Path) -> SavedFiles:
    model = JsonConfig(folder / "config.json")
    class_of(model)
    weights = folder / "model.weights.h5"
    tensors = read_hdf5(weights, weights, TASK_BACKBONE)
    if (folder / "task.json").is_file():
        model = JsonConfig(folder / "task.json")
        weights = folder / "task.weights.h5"
        tensors |= read_hdf5(weights, weights)
    tokenizer = folder / "tokenizer.json"
    return SavedFiles(
        model=model,
        tensors=tensors,
        tokens=Vocabulary.from_file(folder / PRESET_VOCABULARY).tokens,
        tokenizer=JsonConfig(tokenizer) if tokenizer.is_file() else None,
    )


def _read_keras_file(path: pathlib.Path) -> SavedFiles:
    tokens: tuple[str, ...] = ()
    try:
        with zipfile.ZipFile(path) as archive:
            model = JsonConfig(path, json.loads(archive.read("config.json")))
            weights = io.BytesIO(archive.read("model.weights.h5"))
            names = [n for n in archive.namelist() if n.endswith("/tokenizer/vocabulary.txt")]
            if names:
                text = archive.read(names[0]).decode()
                tokens = tuple(text.removesuffix("\n").split("\n"))
    except (OSError, KeyError, UnicodeDecodeError, zipfile.BadZipFile) as error:
        raise UserError(f"{path} could not be read as a .keras file: {error}") from error
    is_backbone = class_of(model) == BACKBONE
    tokenizer = None
    if not is_backbone and "preprocessor" in model.nested("config"):
        preprocessor = model.nested("config").nested("preprocessor")
        tokenizer = preprocessor.nested("config").nested("tokenizer")
    return SavedFiles(
        model=model,
        tensors=read_hdf5(weights, path, TASK_BACKBONE if is_backbone else ""),
        tokens=tokens or _tokens_beside(path),
        tokenizer=tokenizer,
    )


def _tokens_beside(path: pathlib.Path) -> tuple[str, ...]:
    files = [path.with_name(name) for name in ("vocab.txt", "vocabulary.txt")]
    found = next((file for file in files if file.is_file()), None)
    if found is None:
        raise UserError(f"{path} holds no vocabulary: put the model's vocab.txt beside it")
    return Vocabulary.from_file(found).tokens

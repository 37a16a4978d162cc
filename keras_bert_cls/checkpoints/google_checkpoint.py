"""Reads checkpoints of google-research/bert: bert_model.ckpt, bert_config.json and vocab.txt.

Its "gelu" is the tanh approximation (modeling.py), whatever other libraries read into the name.
"""

import os
import pathlib

from keras_bert_cls.checkpoints.bert_config import read_encoder_config
from keras_bert_cls.checkpoints.bert_names import google_link
from keras_bert_cls.checkpoints.imported_model import Checkpoint, Heads, ImportOptions
from keras_bert_cls.checkpoints.json_config import JsonConfig
from keras_bert_cls.checkpoints.source_vocabulary import fit_vocabulary, has_capitals
from keras_bert_cls.checkpoints.stored_tensor import StoredTensor
from keras_bert_cls.checkpoints.weight_transfer import IgnoreRule, ignored_tensors
from keras_bert_cls.errors import UserError
from keras_bert_cls.text.tokenizer import Tokenizer
from keras_bert_cls.text.vocabulary import Vocabulary

CONFIG_FILE = "bert_config.json"
VOCABULARY_FILE = "vocab.txt"
_INDEX_SUFFIX = ".index"
_USUAL_NAME = "bert_model.ckpt"

_ACTIVATIONS = {"gelu": "gelu_tanh", "relu": "relu"}
_LABELS_TENSOR = "output_bias"
_IGNORED: list[IgnoreRule] = [
    (r".*/adam_[mv]", "a slot of the optimizer"),
    (r"global_step", "the number of training steps"),
    (r"cls/squad/.*", "a head that answers questions"),
]


def read_google_checkpoint(path: str | os.PathLike, options: ImportOptions) -> Checkpoint:
    """Opens a checkpoint of google-research/bert.

    Lower case is not written down there: a vocabulary with words in capitals is a cased model's.

    Args:
      path: the folder, or the checkpoint's files without their endings (.../bert_model.ckpt).
      options: see ImportOptions.

    Raises:
      UserError: there is no checkpoint, or it is none of BERT; see `Checkpoint`.
    """
    import tensorflow as tf

    prefix = _prefix(pathlib.Path(path))
    config_file, vocabulary_file = prefix.with_name(CONFIG_FILE), prefix.with_name(VOCABULARY_FILE)
    for file in (config_file, vocabulary_file):
        if not file.is_file():
            raise UserError(f"{file} is missing: copy the one of the model beside the checkpoint")
    encoder = read_encoder_config(JsonConfig(config_file), _ACTIVATIONS)
    try:
        reader = tf.train.load_checkpoint(str(prefix))
    except (tf.errors.OpError, ValueError, RuntimeError) as error:
        raise UserError(f"{prefix} could not be read as a checkpoint: {error}") from error

    def tensor(name: str, shape: list[int]) -> StoredTensor:
        return StoredTensor(tuple(shape), lambda: reader.get_tensor(name))

    shapes = reader.get_variable_to_shape_map()
    tensors = {name: tensor(name, shape) for name, shape in shapes.items()}
    vocabulary = fit_vocabulary(
        Vocabulary.from_file(vocabulary_file).tokens, encoder.vocabulary_size, vocabulary_file
    )
    lowercase = options.lowercase
    if lowercase is None:
        lowercase = not has_capitals(vocabulary)
    heads = _heads(tensors)
    rules = [*_IGNORED, (r"cls/.*", "a pretraining head, which is not taken")]
    return Checkpoint(
        source=str(prefix),
        encoder=encoder,
        heads=heads,
        tensors=tensors,
        ignored=ignored_tensors(tensors, _IGNORED if heads.masked_lm else rules),
        link=google_link,
        tokenizer=Tokenizer(vocabulary, lowercase),
        max_length=encoder.max_sequence_length,
    )


def is_checkpoint(path: pathlib.Path) -> bool:
    """Whether a path that is no folder names a TensorFlow checkpoint."""
    return path.suffix == _INDEX_SUFFIX or path.with_name(path.name + _INDEX_SUFFIX).is_file()


def _find_prefix(folder: pathlib.Path) -> pathlib.Path | None:
    """Returns the checkpoint in a folder: the usual name, the newest, or the only one."""
    import tensorflow as tf

    if (folder / f"{_USUAL_NAME}{_INDEX_SUFFIX}").is_file():
        return folder / _USUAL_NAME
    newest = tf.train.latest_checkpoint(str(folder))
    if newest is not None:
        return pathlib.Path(newest)
    found = sorted(folder.glob(f"*{_INDEX_SUFFIX}"))
    if len(found) > 1:
        names = ", ".join(path.stem for path in found)
        raise UserError(f"{folder} holds several checkpoints: {names}. Name one: {folder}/NAME")
    return found[0].with_suffix("") if found else None


def _prefix(path: pathlib.Path) -> pathlib.Path:
    if path.is_dir():
        prefix = _find_prefix(path)
        if prefix is None:
            raise UserError(f"{path} holds no checkpoint: expected {_USUAL_NAME}{_INDEX_SUFFIX}")
        return prefix
    return path.with_suffix("") if path.suffix == _INDEX_SUFFIX else path


def _heads(tensors: dict[str, StoredTensor]) -> Heads:
    if _LABELS_TENSOR in tensors:
        count = tensors[_LABELS_TENSOR].shape[0]
        return Heads(task="single_label", labels=tuple(map(str, range(count))))
    return Heads(
        masked_lm="cls/predictions/output_bias" in tensors,
        pair_objective={"cls/predictions/output_bias", "cls/seq_relationship/output_bias"}
        <= tensors.keys(),
    )

"""Reads models of keras-nlp (keras-hub): BertBackbone, BertTextClassifier and BertMaskedLM.

Needs h5py only. Texts go through our tokenizer, whose ids are those that the published weights were
trained with; keras-nlp's own differ (NFKC, accents).
"""

import os
import pathlib

from keras_bert_cls.checkpoints.imported_model import Checkpoint, Heads, ImportOptions
from keras_bert_cls.checkpoints.json_config import JsonConfig
from keras_bert_cls.checkpoints.keras_nlp_files import (
    BACKBONE,
    MASKED_LM,
    TASK_BACKBONE,
    SavedFiles,
    class_of,
    read_files,
)
from keras_bert_cls.checkpoints.keras_nlp_names import keras_nlp_link
from keras_bert_cls.checkpoints.source_vocabulary import fit_vocabulary, has_capitals
from keras_bert_cls.checkpoints.weight_transfer import IgnoreRule, ignored_tensors
from keras_bert_cls.errors import UserError
from keras_bert_cls.modeling.config import EncoderConfig
from keras_bert_cls.text.tokenizer import Tokenizer
from keras_bert_cls.text.vocabulary import SUFFIX_INDICATOR, UNK

# BertBackbone and BertMaskedLM fix these.
ACTIVATION, LAYER_NORM_EPSILON = "gelu_tanh", 1e-12
_HEAD_ACTIVATION, _HEAD_LAYER_NORM_EPSILON = "gelu", 1e-5

_IGNORED: list[IgnoreRule] = [
    (r"(.*/)?optimizer/.*", "a slot of the optimizer"),
    (r"(.*/)?seed_generator\w*/.*", "the state of a random number generator"),
]


def read_keras_nlp_model(path: str | os.PathLike, options: ImportOptions) -> Checkpoint:
    """Opens a preset's folder or a .keras file.

    A file without a tokenizer takes vocab.txt or vocabulary.txt from beside it.

    Raises:
      UserError: it is none of the three models, or has no vocabulary; see `Checkpoint`.
    """
    source = pathlib.Path(path)
    files = read_files(source)
    kind = class_of(files.model)
    backbone = files.model if kind == BACKBONE else files.model.nested("config").nested("backbone")
    if class_of(backbone) != BACKBONE:
        raise UserError(f"{backbone.path}: expected a {BACKBONE}, got {class_of(backbone)!r}")
    encoder = _encoder_config(backbone.nested("config"))
    return Checkpoint(
        source=str(source),
        encoder=encoder,
        heads=_heads(kind, files.model),
        tensors=files.tensors,
        ignored=ignored_tensors(files.tensors, _IGNORED),
        link=lambda path: keras_nlp_link(
            path, encoder.hidden_dim, encoder.num_heads, TASK_BACKBONE
        ),
        tokenizer=_tokenizer(files, encoder.vocabulary_size, options.lowercase),
        max_length=encoder.max_sequence_length,
    )


def _encoder_config(config: JsonConfig) -> EncoderConfig:
    dropout = config.get("dropout", float, 0.1)
    encoder = EncoderConfig(
        vocabulary_size=config.required("vocabulary_size", int),
        hidden_dim=config.required("hidden_dim", int),
        num_layers=config.required("num_layers", int),
        num_heads=config.required("num_heads", int),
        intermediate_dim=config.required("intermediate_dim", int),
        max_sequence_length=config.get("max_sequence_length", int, 512),
        num_segments=config.get("num_segments", int, 2),
        activation=ACTIVATION,
        dropout=dropout,
        attention_dropout=dropout,
        layer_norm_epsilon=LAYER_NORM_EPSILON,
    )
    encoder.validate()
    return encoder


def _heads(kind: str, model: JsonConfig) -> Heads:
    if kind == BACKBONE:
        return Heads()
    if kind == MASKED_LM:
        return Heads(
            masked_lm=True,
            masked_lm_activation=_HEAD_ACTIVATION,
            masked_lm_epsilon=_HEAD_LAYER_NORM_EPSILON,
        )
    config = model.nested("config")
    count = config.required("num_classes", int)
    activation = config.get("activation", str, "linear")
    tasks = {"linear": "regression" if count == 1 else "single_label", "softmax": "single_label"}
    tasks["sigmoid"] = "multi_label"
    if activation not in tasks:
        raise UserError(
            f"{model.path}: the activation of the classifier must be one of {', '.join(tasks)}, "
            f"got {activation!r}"
        )
    task = tasks[activation]
    labels = () if task == "regression" else tuple(map(str, range(count)))
    return Heads(task=task, labels=labels, dropout=config.get("dropout", float, 0.1))


def _tokenizer(files: SavedFiles, rows: int, lowercase: bool | None) -> Tokenizer:
    vocabulary = fit_vocabulary(files.tokens, rows, files.model.path)
    if files.tokenizer is not None:
        config = files.tokenizer.nested("config")
        _check_tokenizer(config)
        if lowercase is None:
            lowercase = config.get("lowercase", bool, False)
    if lowercase is None:
        lowercase = not has_capitals(vocabulary)
    return Tokenizer(vocabulary, lowercase)


def _check_tokenizer(config: JsonConfig) -> None:
    expected = {"suffix_indicator": SUFFIX_INDICATOR, "oov_token": UNK, "split": True}
    for field, wanted in expected.items():
        found = config.content.get(field, wanted)
        if found != wanted:
            raise UserError(
                f"{config.path}: expected BERT's tokenizer with {field} {wanted!r}, got {found!r}"
            )

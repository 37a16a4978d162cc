"""Writes encoders as presets of keras-nlp (keras-hub), for BertBackbone.from_preset."""

import dataclasses
import datetime
import json
import os
import pathlib
from typing import Any

import h5py
import keras

from keras_bert_cls.checkpoints.imported_model import encoder_of
from keras_bert_cls.checkpoints.keras_nlp_files import BACKBONE, PRESET_VOCABULARY
from keras_bert_cls.checkpoints.keras_nlp_model import ACTIVATION, LAYER_NORM_EPSILON
from keras_bert_cls.checkpoints.keras_nlp_names import keras_nlp_link
from keras_bert_cls.checkpoints.new_folder import write_new_folder
from keras_bert_cls.errors import UserError
from keras_bert_cls.modeling.config import EncoderConfig
from keras_bert_cls.modeling.encoder import encoder_config
from keras_bert_cls.modeling.trained_model import TrainedModel

_HUB_VERSION = "0.32.0"  # the release whose files these are like


def export_to_keras_nlp(trained: TrainedModel, output: str | os.PathLike) -> None:
    """Writes the encoder of a model and its tokenizer as a preset's folder; heads stay behind.

    keras-nlp has one dropout rate for all, and its tokenizer gives other ids for some texts (NFKC).
    A masked language model without a pooler gets a random one.

    Args:
      trained: the model.
      output: the folder; made, and not there before.

    Raises:
      UserError: the folder is there already, or BertBackbone does not compute the same.
    """
    encoder = encoder_of(trained.model)
    config = encoder_config(encoder)
    _check_numbers(config)

    def write(folder: pathlib.Path) -> None:
        _write_weights(folder / "model.weights.h5", encoder, config)
        _write_json(folder / "config.json", _backbone(config))
        _write_json(folder / "tokenizer.json", _tokenizer(trained))
        _write_json(
            folder / "metadata.json",
            {
                "keras_version": keras.__version__,
                "keras_hub_version": _HUB_VERSION,
                "parameter_count": encoder.count_params(),
                "date_saved": datetime.datetime.now().strftime("%Y-%m-%d@%H:%M:%S"),
                "tasks": [],
            },
        )
        (folder / PRESET_VOCABULARY).parent.mkdir(parents=True)
        trained.tokenizer.vocabulary.save(folder / PRESET_VOCABULARY)

    write_new_folder(output, write)


def _check_numbers(config: EncoderConfig) -> None:
    fixed = {
        "activation": ACTIVATION,
        "layer_norm_epsilon": LAYER_NORM_EPSILON,
        "positions": "learned",
    }
    for field, wanted in fixed.items():
        found = dataclasses.asdict(config)[field]
        if found != wanted:
            raise UserError(
                f"keras-nlp's {BACKBONE} always has {field} {wanted!r}, but this encoder was "
                f"trained with {found!r}: its numbers would not be the same."
            )


def _write_weights(path: pathlib.Path, encoder: keras.Model, config: EncoderConfig) -> None:
    with h5py.File(path, "w") as file:
        for weight in encoder.weights:
            link = keras_nlp_link(weight.path, config.hidden_dim, config.num_heads)
            for name, values in link.split(weight.numpy()).items():
                file[name] = values


def _backbone(config: EncoderConfig) -> dict[str, Any]:
    return {
        "module": "keras_hub.src.models.bert.bert_backbone",
        "class_name": BACKBONE,
        "config": {
            "name": "bert_backbone",
            "trainable": True,
            "vocabulary_size": config.vocabulary_size,
            "num_layers": config.num_layers,
            "num_heads": config.num_heads,
            "hidden_dim": config.hidden_dim,
            "intermediate_dim": config.intermediate_dim,
            "dropout": config.dropout,
            "max_sequence_length": config.max_sequence_length,
            "num_segments": config.num_segments,
        },
        "registered_name": f"keras_hub>{BACKBONE}",
    }


def _tokenizer(trained: TrainedModel) -> dict[str, Any]:
    tokenizer = trained.tokenizer
    strips = tokenizer.lowercase if tokenizer.strip_accents is None else tokenizer.strip_accents
    return {
        "module": "keras_hub.src.models.bert.bert_tokenizer",
        "class_name": "BertTokenizer",
        "config": {
            "name": "bert_tokenizer",
            "vocabulary": None,
            "lowercase": tokenizer.lowercase,
            "strip_accents": strips,
        },
        "registered_name": "keras_hub>BertTokenizer",
    }


def _write_json(path: pathlib.Path, content: dict[str, Any]) -> None:
    path.write_text(f"{json.dumps(content, indent=2)}\n", encoding="utf-8")

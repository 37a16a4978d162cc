"""Writes models for transformers: config.json, model.safetensors, vocab.txt, tokenizer_config.json.

The classes are BertModel, BertForMaskedLM, BertForPreTraining and BertForSequenceClassification.
"""

import json
import os
import pathlib
from typing import Any

import keras
import numpy as np

from keras_bert_cls.checkpoints.bert_names import huggingface_link
from keras_bert_cls.checkpoints.huggingface_folder import CONFIG_FILE, PROBLEM_TYPES
from keras_bert_cls.checkpoints.huggingface_tokenizer import CONFIG_FILE as TOKENIZER_CONFIG_FILE
from keras_bert_cls.checkpoints.huggingface_tokenizer import VOCABULARY_FILE
from keras_bert_cls.checkpoints.huggingface_weights import WEIGHTS_FILE
from keras_bert_cls.checkpoints.new_folder import write_new_folder
from keras_bert_cls.errors import UserError
from keras_bert_cls.modeling.activations import ACTIVATIONS
from keras_bert_cls.modeling.config import EncoderConfig
from keras_bert_cls.modeling.document_encoder import document_config
from keras_bert_cls.modeling.encoder import encoder_config
from keras_bert_cls.modeling.output_softmax import adaptive_layer
from keras_bert_cls.modeling.trained_model import ModelSettings, TrainedModel

# gelu_new is the name that all releases of transformers know.
_HIDDEN_ACT = {"gelu": "gelu", "gelu_tanh": "gelu_new", "relu": "relu"}
_PROBLEM_TYPES = {task: problem for problem, task in PROBLEM_TYPES.items()}


def export_to_huggingface(trained: TrainedModel, output: str | os.PathLike) -> None:
    """Writes a model as a folder that transformers' `from_pretrained` loads.

    Args:
      trained: the model.
      output: the folder; made, and not there before.

    Raises:
      UserError: safetensors is not installed, the folder is there already, or transformers has no
        class that computes the same.
    """
    try:
        from safetensors.numpy import save_file
    except ImportError as error:
        raise UserError(
            "writing for transformers needs safetensors: pip install 'keras_bert_cls[hf]'"
        ) from error
    model = trained.model
    encoder = encoder_config(model)
    if encoder.positions != "learned":
        raise UserError(
            f"transformers' BERT always has learned positions, but this encoder has "
            f"{encoder.positions} ones"
        )
    if document_config(model):
        raise UserError(
            "transformers has no class that pools windows of a document as this model does"
        )
    if adaptive_layer(model) is not None:
        raise UserError("transformers' BERT has no adaptive softmax like this model's")
    if trained.settings.task == "multitask":
        raise UserError("transformers' BERT has one head, this model has one for each of its tasks")
    if trained.settings.task == "seq2seq":
        raise UserError("transformers' BERT has no decoder like this model's")
    if trained.settings.head != "dense":
        raise UserError(f"transformers' BERT has no {trained.settings.head} head like this model's")
    layers = {layer.name for layer in model.layers}
    if "masked_lm_dense" in layers:
        _check_masked_lm_head(model, encoder)
    architecture = _architecture(layers)
    prefix = "" if architecture == "BertModel" else "bert."
    tensors: dict[str, np.ndarray] = {}
    for weight in model.weights:
        tensors |= huggingface_link(weight.path, prefix).split(weight.numpy())
    config = {
        "architectures": [architecture],
        **_encoder_fields(encoder, trained.tokenizer.vocabulary.pad_id),
        **(_classifier_fields(model, trained.settings) if "logits" in layers else {}),
    }

    def write(folder: pathlib.Path) -> None:
        _write_json(folder / CONFIG_FILE, config)
        _write_json(folder / TOKENIZER_CONFIG_FILE, _tokenizer_fields(trained))
        trained.tokenizer.vocabulary.save(folder / VOCABULARY_FILE)
        save_file(tensors, folder / WEIGHTS_FILE, metadata={"format": "pt"})

    write_new_folder(output, write)


def _architecture(layers: set[str]) -> str:
    if "logits" in layers:
        return "BertForSequenceClassification"
    if "pair_logits" in layers:
        return "BertForPreTraining"
    return "BertForMaskedLM" if "masked_lm_dense" in layers else "BertModel"


def _encoder_fields(encoder: EncoderConfig, pad_id: int) -> dict[str, Any]:
    return {
        "model_type": "bert",
        "vocab_size": encoder.vocabulary_size,
        "hidden_size": encoder.hidden_dim,
        "num_hidden_layers": encoder.num_layers,
        "num_attention_heads": encoder.num_heads,
        "intermediate_size": encoder.intermediate_dim,
        "hidden_act": _HIDDEN_ACT[encoder.activation],
        "hidden_dropout_prob": encoder.dropout,
        "attention_probs_dropout_prob": encoder.attention_dropout,
        "max_position_embeddings": encoder.max_sequence_length,
        "type_vocab_size": encoder.num_segments,
        "initializer_range": encoder.initializer_stddev,
        "layer_norm_eps": encoder.layer_norm_epsilon,
        "pad_token_id": pad_id,
        "position_embedding_type": "absolute",
        "tie_word_embeddings": True,
    }


def _classifier_fields(model: keras.Model, settings: ModelSettings) -> dict[str, Any]:
    labels = settings.labels or ("value",)
    return {
        "problem_type": _PROBLEM_TYPES[settings.task],
        "classifier_dropout": model.get_layer("classifier_dropout").rate,
        "id2label": {str(index): label for index, label in enumerate(labels)},
        "label2id": {label: index for index, label in enumerate(labels)},
    }


def _tokenizer_fields(trained: TrainedModel) -> dict[str, Any]:
    return {
        "tokenizer_class": "BertTokenizer",
        "do_lower_case": trained.tokenizer.lowercase,
        "strip_accents": trained.tokenizer.strip_accents,
        "tokenize_chinese_chars": True,
        "model_max_length": trained.settings.max_length,
    }


def _check_masked_lm_head(model: keras.Model, encoder: EncoderConfig) -> None:
    same = (
        model.get_layer("masked_lm_activation").activation is ACTIVATIONS[encoder.activation]
        and model.get_layer("masked_lm_norm").epsilon == encoder.layer_norm_epsilon
    )
    if not same:
        raise UserError(
            "the head of this masked language model has another activation or epsilon than its "
            "encoder, as keras-nlp's have, and transformers has no class for that. Export a "
            "classifier made from it, or the model after pretraining it further."
        )


def _write_json(path: pathlib.Path, content: dict[str, Any]) -> None:
    text = json.dumps(content, ensure_ascii=False, indent=2)
    path.write_text(f"{text}\n", encoding="utf-8")

"""Reads a Hugging Face folder of a BERT: config.json, weights, vocabulary.

Follows transformers' BertConfig and the classes BertModel, BertForPreTraining, BertForMaskedLM and
BertForSequenceClassification.
"""

import os
import pathlib
from collections.abc import Mapping

import numpy as np

from keras_bert_cls.checkpoints.bert_config import read_encoder_config
from keras_bert_cls.checkpoints.bert_names import huggingface_link
from keras_bert_cls.checkpoints.huggingface_tokenizer import read_max_length, read_tokenizer
from keras_bert_cls.checkpoints.huggingface_weights import read_tensors
from keras_bert_cls.checkpoints.imported_model import Checkpoint, Heads, ImportOptions
from keras_bert_cls.checkpoints.json_config import JsonConfig
from keras_bert_cls.checkpoints.stored_tensor import StoredTensor
from keras_bert_cls.checkpoints.weight_transfer import IgnoreRule, ignored_tensors
from keras_bert_cls.errors import UserError

CONFIG_FILE = "config.json"
ACTIVATIONS = {
    "gelu": "gelu",
    "gelu_python": "gelu",
    "gelu_new": "gelu_tanh",
    "gelu_pytorch_tanh": "gelu_tanh",
    "relu": "relu",
}
PROBLEM_TYPES = {
    "single_label_classification": "single_label",
    "multi_label_classification": "multi_label",
    "regression": "regression",
}

_BUFFERS: list[IgnoreRule] = [
    (r"(bert\.)?embeddings\.position_ids", "a buffer: 0, 1, 2, …"),
    (r"(bert\.)?embeddings\.token_type_ids", "a buffer: zeros"),
]
_DECODER = "cls.predictions.decoder.weight"
_DECODER_BIAS = "cls.predictions.decoder.bias"
_MASKED_LM_BIAS = "cls.predictions.bias"


def read_huggingface_folder(path: str | os.PathLike, options: ImportOptions) -> Checkpoint:
    """Opens a folder that transformers wrote.

    Raises:
      UserError: it holds no BERT, or one that computes something else than ours; see `Checkpoint`.
    """
    folder = pathlib.Path(path)
    config = JsonConfig(folder / CONFIG_FILE)
    _check_architecture(config)
    encoder = read_encoder_config(config, ACTIVATIONS)
    tensors = read_tensors(folder, options.allow_pickle_weights)
    prefix = "bert." if any(name.startswith("bert.") for name in tensors) else ""
    tensors = _with_one_bias(tensors)
    heads = _heads(config, tensors)
    rules = [*_BUFFERS, *_head_rules(config, heads)]
    if _DECODER in tensors and heads.masked_lm:
        _check_tied(folder, tensors, prefix)
        rules.append((r"cls\.predictions\.decoder\..*", "tied to the token embedding, and equal"))
    return Checkpoint(
        source=str(folder),
        encoder=encoder,
        heads=heads,
        tensors=tensors,
        ignored=ignored_tensors(tensors, rules),
        link=lambda path: huggingface_link(path, prefix),
        tokenizer=read_tokenizer(folder, encoder.vocabulary_size, options.lowercase),
        max_length=read_max_length(folder, encoder.max_sequence_length),
    )


def _check_architecture(config: JsonConfig) -> None:
    kind = config.get("model_type", str, "bert")
    if kind != "bert":
        raise UserError(
            f'{config.path}: expected a BERT ("model_type": "bert"), got {kind!r}, which computes '
            "something else."
        )
    position = config.get("position_embedding_type", str, "absolute")
    if position != "absolute":
        raise UserError(
            f"{config.path}: position_embedding_type must be 'absolute', got {position!r}: other "
            "position embeddings are not supported."
        )
    for field in ("is_decoder", "add_cross_attention"):
        if config.get(field, bool, False):
            raise UserError(f"{config.path}: {field} is true, but only encoders are supported.")


def _with_one_bias(tensors: Mapping[str, StoredTensor]) -> dict[str, StoredTensor]:
    """Gives the masked-LM bias the one name, under which it may be stored twice, or once."""
    tensors = dict(tensors)
    if _DECODER_BIAS in tensors and _MASKED_LM_BIAS not in tensors:
        tensors[_MASKED_LM_BIAS] = tensors.pop(_DECODER_BIAS)
    return tensors


def _heads(config: JsonConfig, tensors: Mapping[str, StoredTensor]) -> Heads:
    if "classifier.weight" in tensors and _is_sequence_classification(config):
        count = tensors["classifier.weight"].shape[0]
        labels = _labels(config, count)
        task = _task(config, count)
        dropout = config.get("classifier_dropout", float)
        if dropout is None:
            dropout = config.get("hidden_dropout_prob", float, 0.1)
        return Heads(task=task, labels=() if task == "regression" else labels, dropout=dropout)
    return Heads(
        masked_lm=any(name.startswith("cls.predictions.") for name in tensors),
        pair_objective=all(
            any(name.startswith(head) for name in tensors)
            for head in ("cls.predictions.", "cls.seq_relationship.")
        ),
    )


def _architecture(config: JsonConfig) -> str:
    names = config.get("architectures", list) or ["BertForSequenceClassification"]
    return str(names[0])


def _is_sequence_classification(config: JsonConfig) -> bool:
    # Heads that label tokens or choices are called classifier as well.
    return _architecture(config).endswith("ForSequenceClassification")


def _head_rules(config: JsonConfig, heads: Heads) -> list[IgnoreRule]:
    """Returns rules for heads of other tasks, of which only the encoder is taken."""
    architecture = _architecture(config)
    rules = [(r"qa_outputs\..*", f"the head of {architecture}, which answers questions")]
    if not heads.task:
        rules.append((r"classifier\..*", f"the head of {architecture}"))
    if not heads.masked_lm:
        rules.append((r"cls\..*", "a pretraining head, which is not taken"))
    return rules


def _task(config: JsonConfig, count: int) -> str:
    problem = config.get("problem_type", str)
    if problem is None:
        return "regression" if count == 1 else "single_label"
    if problem not in PROBLEM_TYPES:
        raise UserError(
            f"{config.path}: problem_type must be one of {', '.join(PROBLEM_TYPES)}, "
            f"got {problem!r}"
        )
    task = PROBLEM_TYPES[problem]
    if task == "regression" and count != 1:
        raise UserError(f"{config.path}: expected a regression of one value, got {count} values")
    return task


def _labels(config: JsonConfig, count: int) -> tuple[str, ...]:
    names = config.get("id2label", dict)
    if names is None:
        return tuple(map(str, range(count)))
    labels = tuple(str(names.get(str(index), "")) for index in range(count))
    if len(names) != count or "" in labels or len(set(labels)) != count:
        raise UserError(
            f"{config.path}: id2label must give {count} distinct names, for the ids 0 to "
            f"{count - 1}, as the classifier has rows; got {names!r:.200}"
        )
    return labels


def _check_tied(folder: pathlib.Path, tensors: Mapping[str, StoredTensor], prefix: str) -> None:
    pairs = [(_DECODER, f"{prefix}embeddings.word_embeddings.weight")]
    if _DECODER_BIAS in tensors:
        pairs.append((_DECODER_BIAS, _MASKED_LM_BIAS))
    for one, other in pairs:
        if other in tensors and not np.array_equal(tensors[one].values(), tensors[other].values()):
            raise UserError(
                f"{folder}: {one} differs from {other}, but the output of our masked language "
                "model is tied to its token embedding. Such a model cannot be loaded."
            )

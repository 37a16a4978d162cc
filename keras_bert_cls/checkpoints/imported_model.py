"""Models made from the checkpoints of other libraries."""

import dataclasses
from collections.abc import Callable, Mapping

import keras
import numpy as np

from keras_bert_cls.checkpoints.stored_tensor import StoredTensor
from keras_bert_cls.checkpoints.weight_link import WeightLink
from keras_bert_cls.checkpoints.weight_transfer import transfer_weights
from keras_bert_cls.errors import UserError
from keras_bert_cls.modeling.activations import ACTIVATIONS
from keras_bert_cls.modeling.config import EncoderConfig
from keras_bert_cls.modeling.document_encoder import document_config
from keras_bert_cls.modeling.encoder import (
    build_encoder,
    copy_shared_weights,
    encoder_config,
    encoder_on_layers_of,
    masked_encoder,
)
from keras_bert_cls.modeling.models import classifier_model, masked_lm_model
from keras_bert_cls.modeling.trained_model import ModelSettings, TrainedModel
from keras_bert_cls.text.tokenizer import Tokenizer

ENCODER_TASK = "encoder"
_POOLER = ("pooler/kernel", "pooler/bias")


@dataclasses.dataclass
class ImportedModel(TrainedModel):
    """A model from another library's checkpoint.

    A source without a head gives an encoder, whose task is "encoder": something to fine-tune.

    Attributes:
      ignored: tensors of the source that were not taken, and why.
      fresh: weights of the model that the source has not, and what they hold.
    """

    ignored: dict[str, str] = dataclasses.field(default_factory=dict)
    fresh: dict[str, str] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True)
class ImportOptions:
    """What a source may not say about itself.

    Attributes:
      lowercase: whether the tokenizer puts text in lower case; None takes it from the source.
      labels: names of the labels, in the order of the logits; None takes them from the source, or
        "0", "1", … where it has none.
      text_pair: whether the model takes two texts.
      allow_pickle_weights: also read pytorch_model.bin, by torch.load(weights_only=True).
    """

    lowercase: bool | None = None
    labels: tuple[str, ...] | None = None
    text_pair: bool = False
    allow_pickle_weights: bool = False


@dataclasses.dataclass(frozen=True)
class Heads:
    """What stands on the encoder.

    Attributes:
      masked_lm: a masked-language-model head.
      masked_lm_activation: its activation; "" is the encoder's.
      masked_lm_epsilon: of its layer norm; None is the encoder's.
      pair_objective: beside it, one that judges pairs of segments.
      task: of a classification head, "" if there is none.
      labels: of the classification head; a regression has none.
      dropout: before the classification head.
    """

    masked_lm: bool = False
    masked_lm_activation: str = ""
    masked_lm_epsilon: float | None = None
    pair_objective: bool = False
    task: str = ""
    labels: tuple[str, ...] = ()
    dropout: float = 0.1


@dataclasses.dataclass(frozen=True)
class Checkpoint:
    """What a reader found in a source.

    Attributes:
      source: the path, for messages.
      encoder: the encoder's config.
      heads: what stands on it.
      tensors: by the source's names.
      ignored: names of tensors that are left out, and why.
      link: says where a weight of ours is in the source, by our path.
      tokenizer: the source's tokenizer.
      max_length: tokens a text has at most.
    """

    source: str
    encoder: EncoderConfig
    heads: Heads
    tensors: Mapping[str, StoredTensor]
    ignored: Mapping[str, str]
    link: Callable[[str], WeightLink]
    tokenizer: Tokenizer
    max_length: int


def make_model(checkpoint: Checkpoint, options: ImportOptions) -> ImportedModel:
    """Builds the model that a checkpoint describes and gives it the checkpoint's weights.

    Raises:
      UserError: the weights are not those that the config describes, or the options do not fit.
    """
    settings = _settings(checkpoint, options)
    has_pooler = checkpoint.link(_POOLER[0]).names[0] in checkpoint.tensors
    model = _build(checkpoint.encoder, checkpoint.heads, has_pooler)
    links = {weight.path: checkpoint.link(weight.path) for weight in model.weights}
    fresh = {}
    for path in [] if has_pooler else sorted(links.keys() & set(_POOLER)):
        del links[path]
        fresh[path] = "the source has no pooler: random, the same at each import"
    transfer_weights(model, links, checkpoint.tensors, checkpoint.ignored, checkpoint.source)
    if fresh:
        _randomize_pooler(model)
    return ImportedModel(model, checkpoint.tokenizer, settings, dict(checkpoint.ignored), fresh)


def encoder_of(model: keras.Model) -> keras.Model:
    """Returns the encoder inside a model of ours.

    It shares the model's weights. Of a model that reads windows of documents it is a copy, and of a
    masked language model without a pooler a copy with a random pooler, the same each time.
    """
    has_pooler = any(layer.name == "pooler" for layer in model.layers)
    if not has_pooler or document_config(model):
        encoder = build_encoder(encoder_config(model))
        copy_shared_weights(model, encoder)
        if not has_pooler:
            _randomize_pooler(encoder)
        return encoder
    return encoder_on_layers_of(model)


def _build(config: EncoderConfig, heads: Heads, has_pooler: bool) -> keras.Model:
    encoder = build_encoder(config)
    if heads.task:
        return classifier_model(encoder, max(1, len(heads.labels)), heads.dropout)
    if not heads.masked_lm:
        return encoder
    encoder = masked_encoder(encoder)
    model = masked_lm_model(encoder, heads.pair_objective)
    if heads.masked_lm_activation:
        activation = ACTIVATIONS[heads.masked_lm_activation]
        model.get_layer("masked_lm_activation").activation = activation
    if heads.masked_lm_epsilon is not None:
        model.get_layer("masked_lm_norm").epsilon = heads.masked_lm_epsilon
    if has_pooler and not heads.pair_objective:
        # As an output, the pooler stays in the model for those who go on from it.
        pooled = encoder.output["pooled_output"]
        outputs = {**model.output, "pooled_output": pooled}
        return keras.Model(model.input, outputs, name=model.name)
    return model


def _settings(checkpoint: Checkpoint, options: ImportOptions) -> ModelSettings:
    heads, labels = checkpoint.heads, checkpoint.heads.labels
    if options.labels is not None:
        if len(options.labels) != len(labels) or len(set(options.labels)) != len(labels):
            raise UserError(
                f"{checkpoint.source}: expected {len(labels)} distinct labels, got "
                f"{len(options.labels)}: {', '.join(options.labels)}"
            )
        labels = options.labels
    return ModelSettings(
        task=heads.task or ("masked_lm" if heads.masked_lm else ENCODER_TASK),
        labels=labels,
        text_pair=options.text_pair,
        max_length=checkpoint.max_length,
        lowercase=checkpoint.tokenizer.lowercase,
        strip_accents=checkpoint.tokenizer.strip_accents,
    )


def _randomize_pooler(model: keras.Model) -> None:
    stddev = encoder_config(model).initializer_stddev
    kernel, bias = (next(w for w in model.weights if w.path == path) for path in _POOLER)
    kernel.assign(np.random.default_rng(0).normal(0, stddev, kernel.shape))
    bias.assign(np.zeros(bias.shape))

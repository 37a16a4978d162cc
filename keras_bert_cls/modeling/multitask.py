"""Several heads on one encoder, and each of them as a model of its own."""

import dataclasses
from collections.abc import Mapping

import keras

from keras_bert_cls.modeling.config import EncoderConfig
from keras_bert_cls.modeling.encoder import INPUT_NAMES, build_encoder, masked_encoder
from keras_bert_cls.modeling.head_settings import DENSE_HEAD, HeadSettings
from keras_bert_cls.modeling.models import classifier_model, masked_lm_model
from keras_bert_cls.modeling.task_choice import MASKED_LM


@dataclasses.dataclass(frozen=True)
class Head:
    """A classification head; see `classifier_model`.

    Attributes:
      num_labels: logits a text.
      dropout: rate on the pooled output.
      settings: what makes logits of it; the prefix is the task's name.
    """

    num_labels: int
    dropout: float = 0.1
    settings: HeadSettings = DENSE_HEAD


def multitask_model(
    encoder: keras.Model | EncoderConfig,
    heads: Mapping[str, Head],
    masked_lm: bool = False,
    name: str = "multitask",
) -> keras.Model:
    """Puts the heads of several tasks on one encoder (Liu et al. 2019, MT-DNN,
    https://arxiv.org/abs/1901.11504).

    Args:
      encoder: what `build_encoder` returns, or a config to build one from.
      heads: by task. The weights of the head of TASK have paths that begin with TASK_.
      masked_lm: also predict masked tokens, as the task "masked_lm".
      name: the model's name.

    Returns:
      A model from the encoder's inputs, and mask_positions with `masked_lm`, to a dict: task -> the
      outputs of its `classifier_model` or `masked_lm_model`. `task_model` takes them apart.
      Beside a masked LM the last block runs twice, for the tokens that each side reads.
    """
    if isinstance(encoder, EncoderConfig):
        encoder = build_encoder(encoder)
    if masked_lm:
        encoder = masked_encoder(encoder)
    models = {}
    for task, head in heads.items():
        settings = dataclasses.replace(head.settings, prefix=f"{task}_")
        models[task] = classifier_model(encoder, head.num_labels, head.dropout, task, settings)
    if masked_lm:
        models[MASKED_LM] = masked_lm_model(encoder)
    return keras.Model(
        dict(encoder.input), {task: model.output for task, model in models.items()}, name=name
    )


def task_model(model: keras.Model, task: str) -> keras.Model:
    """Returns one task of a `multitask_model` as a model that shares its weights."""
    inputs = model.input if task == MASKED_LM else {n: model.input[n] for n in INPUT_NAMES}
    return keras.Model(inputs, model.output[task], name=task)

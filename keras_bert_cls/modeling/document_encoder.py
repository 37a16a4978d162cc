"""The encoder over documents: windows are expanded, encoded and pooled inside the model."""

import keras
import tensorflow as tf

from keras_bert_cls.modeling.config import EncoderConfig
from keras_bert_cls.modeling.document_config import DocumentConfig
from keras_bert_cls.modeling.encoder import INPUT_NAMES, build_encoder, encoder_config
from keras_bert_cls.modeling.windows import ExpandWindows, PoolWindows

_EXPAND, _POOL = "expand_windows", "pool_windows"


def document_encoder(
    encoder: keras.Model | EncoderConfig, documents: DocumentConfig, name: str = "document_encoder"
) -> keras.Model:
    """Lets an encoder read texts that are longer than its positions.

    Args:
      encoder: what `build_encoder` returns, whose weights are shared, or a config to build one
        from.
      documents: the windows, and what becomes of them.
      name: the model's name.

    Returns:
      A model from a dict of token_ids, segment_ids, padding_mask, int32 [batch, length] each and of
      any length, to a dict of pooled_output, [batch, hidden]. `classifier_model` takes it.

    Raises:
      UserError: the config is wrong, or a window is longer than the encoder's positions.
    """
    if isinstance(encoder, EncoderConfig):
        encoder = build_encoder(encoder)
    documents.validate(encoder_config(encoder).max_sequence_length)
    expand = ExpandWindows(documents.window_length, documents.overlap, name=_EXPAND)
    windows = expand(**{key: encoder.input[key] for key in INPUT_NAMES})
    # `call`, unlike calling the model, puts its layers into the new model one by one: what looks
    # for a layer or a weight of the encoder finds it as in every other model.
    encoded = encoder.call({key: windows[key] for key in INPUT_NAMES})
    pooled = PoolWindows(documents.pooling, name=_POOL)(
        encoded["pooled_output"], rows=windows["rows"], slots=windows["slots"]
    )
    return keras.Model(encoder.input, {"pooled_output": pooled}, name=name)


def document_config(model: keras.Model) -> DocumentConfig | None:
    """Returns how a model of ours reads long texts; None if it reads a text as one."""
    layers = {layer.name: layer for layer in model.layers}
    if _EXPAND not in layers:
        return None
    expand, pool = layers[_EXPAND], layers[_POOL]
    return DocumentConfig(expand.window_length, expand.overlap, pool.pooling)


def encoded_mask(model: keras.Model, padding_mask: tf.Tensor) -> tf.Tensor:
    """Returns the padding mask of what the encoder in a model of ours computes.

    Args:
      model: the model.
      padding_mask: of the model's input, int32 [batch, length].

    Returns:
      int32 [windows, width], or the mask as it is if the model has no windows.
    """
    expand = next((layer for layer in model.layers if layer.name == _EXPAND), None)
    return padding_mask if expand is None else expand.layout(padding_mask).padding_mask

"""Every Keras layer and function of ours; importing this registers them with `keras.saving`."""

from keras_bert_cls.modeling.activations import gelu_tanh
from keras_bert_cls.modeling.heads import GatherPositions, OutputBias
from keras_bert_cls.modeling.token_packing import PackTokens, UnpackTokens
from keras_bert_cls.modeling.transformer_block import TransformerBlock

__all__ = [
    "GatherPositions",
    "OutputBias",
    "PackTokens",
    "TransformerBlock",
    "UnpackTokens",
    "gelu_tanh",
]

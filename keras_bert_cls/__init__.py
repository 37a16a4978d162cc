"""BERT text classification with Keras, from raw text to TensorFlow Serving.

Public names load on first use, so that `import keras_bert_cls` itself does not import TensorFlow.
"""

import importlib
from typing import TYPE_CHECKING

from keras_bert_cls.keras_registration import register_layers

__version__ = "0.1.0"

_HOME = {
    "AdaptiveSoftmax": "keras_bert_cls.modeling.adaptive_softmax",
    "Classifier": "keras_bert_cls.inference",
    "DecoderConfig": "keras_bert_cls.modeling.decoder_config",
    "DocumentConfig": "keras_bert_cls.modeling.document_config",
    "EncoderConfig": "keras_bert_cls.modeling.config",
    "MaskedLM": "keras_bert_cls.masked_lm.language_model",
    "Tokenizer": "keras_bert_cls.text.tokenizer",
    "TrainedModel": "keras_bert_cls.modeling.trained_model",
    "UserError": "keras_bert_cls.errors",
    "build_encoder": "keras_bert_cls.modeling.encoder",
    "classifier_model": "keras_bert_cls.modeling.models",
    "document_encoder": "keras_bert_cls.modeling.document_encoder",
    "export_saved_model": "keras_bert_cls.export.saved_model",
    "import_checkpoint": "keras_bert_cls.checkpoints.import_checkpoint",
    "load_encoder": "keras_bert_cls.checkpoints.import_checkpoint",
    "masked_lm_model": "keras_bert_cls.modeling.models",
    "seq2seq_model": "keras_bert_cls.modeling.seq2seq",
}

__all__ = sorted([*_HOME, "__version__"])

if TYPE_CHECKING:
    from keras_bert_cls.checkpoints.import_checkpoint import import_checkpoint as import_checkpoint
    from keras_bert_cls.checkpoints.import_checkpoint import load_encoder as load_encoder
    from keras_bert_cls.errors import UserError as UserError
    from keras_bert_cls.export.saved_model import export_saved_model as export_saved_model
    from keras_bert_cls.inference import Classifier as Classifier
    from keras_bert_cls.masked_lm.language_model import MaskedLM as MaskedLM
    from keras_bert_cls.modeling.adaptive_softmax import AdaptiveSoftmax as AdaptiveSoftmax
    from keras_bert_cls.modeling.config import EncoderConfig as EncoderConfig
    from keras_bert_cls.modeling.decoder_config import DecoderConfig as DecoderConfig
    from keras_bert_cls.modeling.document_config import DocumentConfig as DocumentConfig
    from keras_bert_cls.modeling.document_encoder import document_encoder as document_encoder
    from keras_bert_cls.modeling.encoder import build_encoder as build_encoder
    from keras_bert_cls.modeling.models import classifier_model as classifier_model
    from keras_bert_cls.modeling.models import masked_lm_model as masked_lm_model
    from keras_bert_cls.modeling.seq2seq import seq2seq_model as seq2seq_model
    from keras_bert_cls.modeling.trained_model import TrainedModel as TrainedModel
    from keras_bert_cls.text.tokenizer import Tokenizer as Tokenizer

register_layers()


def __getattr__(name: str):
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(_HOME[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__

"""Clients for TensorFlow Serving and for `bertcls-serve`. They import neither TensorFlow nor Keras.

Where only they are wanted, two packages are enough:

    pip install --no-deps keras_bert_cls
    pip install grpcio protobuf
"""

from keras_bert_cls.client.async_client import AsyncClient
from keras_bert_cls.client.client import Client
from keras_bert_cls.client.endpoint import Tls
from keras_bert_cls.client.errors import ServerError
from keras_bert_cls.client.model_description import SignatureSpec, TensorSpec, VersionStatus
from keras_bert_cls.masked_lm.answers import Candidate, FilledText, InfilledText, TextScore
from keras_bert_cls.masked_lm.infill_options import InfillOptions
from keras_bert_cls.predictions import Prediction, WrittenText

__all__ = [
    "AsyncClient",
    "Candidate",
    "Client",
    "FilledText",
    "InfillOptions",
    "InfilledText",
    "Prediction",
    "ServerError",
    "SignatureSpec",
    "TensorSpec",
    "TextScore",
    "Tls",
    "VersionStatus",
    "WrittenText",
]

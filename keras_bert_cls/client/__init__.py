"""A client for TensorFlow Serving and for `bertcls-serve`. Imports neither TensorFlow nor Keras."""

from keras_bert_cls.client.client import Client
from keras_bert_cls.client.errors import ServerError
from keras_bert_cls.client.model_description import SignatureSpec, TensorSpec, VersionStatus
from keras_bert_cls.predictions import Prediction

__all__ = ["Client", "Prediction", "ServerError", "SignatureSpec", "TensorSpec", "VersionStatus"]

"""Prediction, under the client's name for it."""

from keras_bert_cls.predictions import Prediction

__all__ = ["Prediction"]

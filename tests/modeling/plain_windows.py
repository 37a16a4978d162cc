"""Windows of documents in plain Python, and models that read them."""

import keras
import numpy as np
from small_encoders import randomize, small_config

from keras_bert_cls.modeling.document_config import DocumentConfig
from keras_bert_cls.modeling.document_encoder import document_encoder
from keras_bert_cls.modeling.encoder import build_encoder
from keras_bert_cls.modeling.models import classifier_model


def plain_windows(document: list, size: int, overlap: int) -> list[list]:
    """Cuts [first, *middle, last] into windows that begin and end as the document does."""
    if len(document) <= size:
        return [document]
    first, *middle, last = document
    room = size - 2
    windows, start = [], 0
    while True:
        windows.append([first, *middle[start : start + room], last])
        if start + room >= len(middle):
            return windows
        start += room - overlap


def plain_pool(vectors: np.ndarray, pooling: str, query: np.ndarray | None = None) -> np.ndarray:
    """Pools float64 [windows, width]."""
    if pooling == "max":
        return vectors.max(axis=0)
    scores = np.zeros(len(vectors)) if query is None else vectors @ query
    weights = np.exp(scores - scores.max())
    return weights / weights.sum() @ vectors


def two_models(documents: DocumentConfig, labels: int = 3, **changes) -> list[keras.Model]:
    """Returns a classifier of windows, and one without them that shares encoder and head."""
    encoder = build_encoder(small_config(**changes))
    models = [
        randomize(classifier_model(part, labels, dropout=0.0))
        for part in (document_encoder(encoder, documents), encoder)
    ]
    head = [model.get_layer("logits").get_weights() for model in models]
    models[0].get_layer("logits").set_weights(head[1])
    return models

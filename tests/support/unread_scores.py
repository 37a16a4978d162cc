"""Finds out whether the scores of all labels of an adaptive softmax are computed."""

import contextlib
from collections.abc import Iterator

import numpy as np
import tensorflow as tf

from keras_bert_cls.modeling.adaptive_softmax import AdaptiveSoftmax


@contextlib.contextmanager
def computed_scores(monkeypatch) -> Iterator[list[tuple[int, ...]]]:
    """Gives the shapes of all log-probabilities that are computed meanwhile, not only traced."""
    computed: list[tuple[int, ...]] = []
    log_prob = AdaptiveSoftmax.log_prob

    def note(scores: np.ndarray) -> np.ndarray:
        computed.append(scores.shape)
        return scores

    def noted(self, hidden):
        scores = log_prob(self, hidden)
        found = tf.numpy_function(note, [scores], scores.dtype, stateful=False)
        return tf.ensure_shape(found, scores.shape)

    with monkeypatch.context() as patch:
        patch.setattr(AdaptiveSoftmax, "log_prob", noted)
        yield computed

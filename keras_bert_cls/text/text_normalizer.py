"""BERT's normalisation as an operation of the TensorFlow graph."""

import numpy as np
import tensorflow as tf
import tensorflow_text as tf_text

from keras_bert_cls.text.final_sigma import lower_sigma
from keras_bert_cls.text.normalizer import normalizer_model


class TextNormalizer:
    """Cleans, lower-cases and strips texts; what is left to do is to split words.

    Args:
      lowercase: whether to put text in lower case.
      strip_accents: whether to drop accents; None follows `lowercase`.
    """

    def __init__(self, lowercase: bool, strip_accents: bool | None = None):
        self._lowercase = lowercase
        table = normalizer_model(lowercase, lowercase if strip_accents is None else strip_accents)
        self._normalizer = tf_text.FastBertNormalizer(
            model_buffer=tf.constant(np.frombuffer(table, np.uint8))
        )

    def normalize(self, texts: tf.Tensor) -> tf.Tensor:
        """Returns string [n] for string [n]. A scalar of unknown rank would crash the process."""
        texts = self._normalizer.normalize(texts)
        return lower_sigma(texts) if self._lowercase else texts

"""What every way of decoding keeps to: special tokens, the longest output, the length penalty."""

from typing import NamedTuple

import numpy as np
import tensorflow as tf

from keras_bert_cls.text.vocabulary import Vocabulary

_NEVER = -1e9


class Rules(NamedTuple):
    """What decoding keeps to.

    Attributes:
      start_id, end_id, pad_id: of [CLS], [SEP] and [PAD].
      max_length: tokens of an output at most, the end included.
      alpha: of the length penalty.
      bias: float32 [vocabulary], added to logits; hides the tokens that are never written.
    """

    start_id: int
    end_id: int
    pad_id: int
    max_length: int
    alpha: float
    bias: np.ndarray

    @classmethod
    def of(cls, vocabulary: Vocabulary, max_length: int, alpha: float) -> "Rules":
        """Returns the rules of a vocabulary."""
        bias = np.zeros(len(vocabulary), np.float32)
        never = (vocabulary.pad_id, vocabulary.unk_id, vocabulary.cls_id, vocabulary.mask_id)
        bias[list(never)] = _NEVER
        return cls(vocabulary.cls_id, vocabulary.sep_id, vocabulary.pad_id, max_length, alpha, bias)

    def log_probabilities(self, logits: tf.Tensor) -> tf.Tensor:
        """Returns the logarithms of the next token's probabilities, float32 [n, vocabulary]."""
        return tf.nn.log_softmax(tf.cast(logits, tf.float32) + self.bias)


def length_penalty(lengths: tf.Tensor, alpha: float) -> tf.Tensor:
    """Returns what the log-likelihoods of outputs of so many tokens are divided by, float32.

    Wu et al. 2016, https://arxiv.org/abs/1609.08144, equation 14.
    """
    return ((5.0 + tf.cast(lengths, tf.float32)) / 6.0) ** alpha

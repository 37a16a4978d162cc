"""A classification head for labels that are levels, from the lowest to the highest."""

from collections.abc import Sequence

import keras
import numpy as np
import tensorflow as tf

from keras_bert_cls.modeling.head_settings import HeadSettings

# Levels of probability 0 would have a logarithm that is not finite.
_LEAST_GAP = 1e-6


def ordinal_head(
    hidden: keras.KerasTensor,
    num_labels: int,
    settings: HeadSettings,
    initializer: keras.Initializer,
) -> keras.KerasTensor:
    """Returns the log-probabilities of the levels, float32 [batch, num_labels].

    One score, a dense layer on hidden states [batch, hidden], is compared with thresholds; see
    `LevelLogProbabilities`.
    """
    score = keras.layers.Dense(
        1,
        use_bias=False,
        kernel_initializer=initializer,
        dtype="float32",
        name=f"{settings.prefix}level_score",
    )
    shares = settings.level_shares or (1 / num_labels,) * num_labels
    if len(shares) != num_labels:
        raise ValueError(f"expected {num_labels} level_shares, got {len(shares)}")
    return LevelLogProbabilities(shares, name=f"{settings.prefix}logits")(score(hidden))


@keras.saving.register_keras_serializable("keras_bert_cls")
class LevelLogProbabilities(keras.layers.Layer):
    """Log-probabilities of ordered levels: the proportional odds model (McCullagh 1980).

    P(level <= k) = sigmoid(threshold_k - score). The K - 1 thresholds are learned; they ascend by
    construction, as each but the first is a positive gap above the one before. With a = upper
    threshold - score, b = lower threshold - score, the log-probability of a level in the middle is
    log sigmoid(a) + log sigmoid(-b) + log(1 - exp(-gap)). This equals log(sigmoid(a) - sigmoid(b)),
    but has no difference of numbers that are almost the same: value and gradient are finite at
    every score.

    Args:
      shares: of the levels among the training rows, over 0; the thresholds begin where a score of 0
        has these probabilities.

    Call arguments:
      score: float [batch, 1].

    Returns:
      float32 [batch, levels]; float64 in a float64 layer.
    """

    def __init__(self, shares: Sequence[float], **kwargs):
        super().__init__(**{"dtype": "float32", **kwargs})
        self.shares = [float(share) for share in shares]

    def build(self, score_shape):
        below = np.cumsum(self.shares)[:-1] / np.sum(self.shares)
        thresholds = np.log(below) - np.log1p(-below)
        gaps = np.maximum(np.diff(thresholds) - _LEAST_GAP, _LEAST_GAP)
        first_value = np.concatenate([thresholds[:1], np.log(np.expm1(gaps))])
        # The first threshold, and what softplus makes the gaps above it of.
        self.raw_thresholds = self.add_weight(
            name="thresholds",
            shape=first_value.shape,
            initializer=lambda shape, dtype: tf.cast(first_value, dtype),
        )

    def thresholds(self) -> tf.Tensor:
        """Returns the thresholds, ascending, [levels - 1]."""
        raw = tf.convert_to_tensor(self.raw_thresholds)
        return tf.cumsum(tf.concat([raw[:1], self._gaps()], axis=0))

    def call(self, score):
        away = self.thresholds() - score
        below, above = tf.math.log_sigmoid(away), tf.math.log_sigmoid(-away)
        between = below[:, 1:] + above[:, :-1] + tf.math.log(-tf.math.expm1(-self._gaps()))
        return tf.concat([below[:, :1], between, above[:, -1:]], axis=1)

    def compute_output_spec(self, score):
        return keras.KerasTensor((*score.shape[:-1], len(self.shares)), dtype=self.compute_dtype)

    def get_config(self):
        return {**super().get_config(), "shares": self.shares}

    def _gaps(self) -> tf.Tensor:
        return tf.nn.softplus(tf.convert_to_tensor(self.raw_thresholds)[1:]) + _LEAST_GAP

"""The loss of each token, against numpy."""

import numpy as np
import pytest
import tensorflow as tf

from keras_bert_cls.training.seq2seq_objective import Seq2SeqObjective
from keras_bert_cls.training.term_sums import mean_values, term_sums

LOGITS = np.random.default_rng(0).normal(size=(2, 3, 5)).astype(np.float32)
TARGET = np.array([[1, 4, 3], [2, 3, 0]], np.int32)
WEIGHTS = np.array([[1, 1, 1], [1, 1, 0]], np.float32)
BATCH = {"target": tf.constant(TARGET), "target_weights": tf.constant(WEIGHTS)}


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_every_token_counts_the_same(smoothing):
    sums = term_sums(Seq2SeqObjective(smoothing), {"logits": tf.constant(LOGITS)}, BATCH)
    found = mean_values({name: float(value) for name, value in sums.items()})
    log_shares = LOGITS - np.log(np.exp(LOGITS).sum(-1, keepdims=True))
    wanted = np.full(LOGITS.shape, smoothing / 5)
    np.put_along_axis(wanted, TARGET[..., np.newaxis], 1 - smoothing + smoothing / 5, axis=-1)
    losses = -(wanted * log_shares).sum(-1)
    assert found["loss"] == pytest.approx((losses * WEIGHTS).sum() / 5, rel=1e-5)
    hits = (LOGITS.argmax(-1) == TARGET) * WEIGHTS
    assert found["token_accuracy"] == pytest.approx(hits.sum() / 5)

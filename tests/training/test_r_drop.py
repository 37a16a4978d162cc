"""R-Drop: the divergence against float64, and what the two passes drop."""

import numpy as np
import tensorflow as tf
from test_loop import toy_model

from keras_bert_cls.modeling.dropout import Dropout, DropoutPlace, another_draw, dropout_at
from keras_bert_cls.training.objectives import (
    MultiLabelObjective,
    RegressionObjective,
    SingleLabelObjective,
)
from keras_bert_cls.training.r_drop import RDropObjective, TwoPasses

RANDOM = np.random.default_rng(8)
ONE, OTHER = RANDOM.normal(0, 2, (2, 6, 3))
OUTPUTS = {
    "logits": tf.constant(ONE, tf.float32),
    "second_pass": {"logits": tf.constant(OTHER, tf.float32)},
}
ROWS = np.array([1, 1, 1, 1, 1, 0], np.float32)


def softmax(logits):
    return np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)


def test_single_label():
    batch = {"sample_weight": ROWS, "target": np.array([0, 1, 2, 0, 1, 0], np.int32)}
    objective = RDropObjective(SingleLabelObjective(0.1), "single_label", 4.0)
    p, q = softmax(ONE), softmax(OTHER)
    kl = (p * np.log(p / q)).sum(-1) + (q * np.log(q / p)).sum(-1)
    losses = objective.losses(OUTPUTS, batch)
    np.testing.assert_allclose(losses["r_drop"], 4.0 / 2 * kl, rtol=1e-4)
    soft = np.eye(3)[batch["target"]] * 0.9 + 0.1 / 3
    entropies = [-(soft * np.log(each)).sum(-1) for each in (p, q)]
    np.testing.assert_allclose(losses["label"], np.mean(entropies, axis=0), rtol=1e-5)
    np.testing.assert_array_equal(objective.weights(batch)["r_drop"], ROWS)
    correct = objective.correct(OUTPUTS, batch)
    np.testing.assert_array_equal(correct["r_drop"], p.argmax(-1) == q.argmax(-1))
    assert objective.accuracy_terms(batch) == ["label", "r_drop"]


def test_multi_label():
    target = (RANDOM.random((6, 3)) < 0.5).astype(np.float32)
    batch = {"sample_weight": ROWS, "target": target}
    objective = RDropObjective(MultiLabelObjective(), "multi_label", 2.0)
    p, q = 1 / (1 + np.exp(-ONE)), 1 / (1 + np.exp(-OTHER))
    yes = (p - q) * np.log(p / q)
    no = (q - p) * np.log((1 - p) / (1 - q))
    found = objective.losses(OUTPUTS, batch)["r_drop"]
    np.testing.assert_allclose(found, yes + no, rtol=1e-4)
    assert objective.weights(batch)["r_drop"].shape == (6, 3)


def test_regression():
    batch = {"sample_weight": ROWS, "target": np.zeros(6, np.float32)}
    objective = RDropObjective(RegressionObjective(), "regression", 3.0)
    found = objective.losses(OUTPUTS, batch)["r_drop"]
    np.testing.assert_allclose(found, 3 * (ONE[:, 0] - OTHER[:, 0]) ** 2, rtol=1e-5)


def place(row=0, step=0):
    return DropoutPlace(tf.constant(5), tf.constant(step, tf.int64), row, 0, 0, 0)


def test_another_draw_is_independent_and_depends_on_the_place_only():
    layer = Dropout(0.5, stream="x")
    ones = tf.ones([64, 100])

    def masks(row=0, rows=64, step=0):
        with dropout_at(place(row, step)):
            first = layer(ones[:rows], training=True)
            with another_draw():
                second = layer(ones[:rows], training=True)
            again = layer(ones[:rows], training=True)
        np.testing.assert_array_equal(first, again)
        return first.numpy() > 0, second.numpy() > 0

    first, second = masks()
    # Two independent draws of 6,400 agree in a half, give or take 5 standard errors.
    assert abs((first == second).mean() - 0.5) < 5 * 0.5 / 80
    np.testing.assert_array_equal(masks(row=48, rows=16)[1], second[48:])
    assert (masks(step=1)[1] != second).any()


def test_the_second_pass_is_in_the_outputs():
    model = toy_model(0.3)
    inputs = {
        "token_ids": tf.ones([4, 6], tf.int32),
        "segment_ids": tf.zeros([4, 6], tf.int32),
        "padding_mask": tf.ones([4, 6], tf.int32),
    }
    with dropout_at(place()):
        both = TwoPasses(model)(inputs, training=True)
        once = model(inputs, training=True)
    np.testing.assert_array_equal(both["logits"], once["logits"])
    assert (both["second_pass"]["logits"].numpy() != once["logits"].numpy()).all()


def test_without_dropout_the_passes_agree():
    inputs = {
        name: tf.ones([2, 6], tf.int32) for name in ("token_ids", "segment_ids", "padding_mask")
    }
    both = TwoPasses(toy_model(0.3))(inputs, training=False)
    np.testing.assert_array_equal(both["logits"], both["second_pass"]["logits"])

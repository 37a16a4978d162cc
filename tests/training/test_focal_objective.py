"""Focal loss against its formula in float64."""

import numpy as np
import pytest
import tensorflow as tf

from keras_bert_cls.training.focal_objective import FocalObjective
from keras_bert_cls.training.objectives import MultiLabelObjective, SingleLabelObjective

RANDOM = np.random.default_rng(3)
LOGITS = RANDOM.normal(0, 3, (7, 4)).astype(np.float32)
ROWS = np.ones(7, np.float32)
SINGLE = {"sample_weight": ROWS, "target": np.array([0, 1, 2, 3, 0, 1, 2], np.int32)}
MULTI = {"sample_weight": ROWS, "target": (RANDOM.random((7, 4)) < 0.5).astype(np.float32)}


def log_softmax(logits):
    logits = np.asarray(logits, np.float64)
    return logits - np.log(np.exp(logits).sum(-1, keepdims=True))


@pytest.mark.parametrize("gamma", [0.5, 2.0, 5.0])
@pytest.mark.parametrize("normalised", [False, True])
def test_single_label(gamma, normalised):
    logits = log_softmax(LOGITS).astype(np.float32) if normalised else LOGITS
    objective = FocalObjective(SingleLabelObjective(), "single_label", gamma)
    found = objective.losses({"logits": tf.constant(logits)}, SINGLE)["label"]
    log_p = log_softmax(LOGITS)[np.arange(7), SINGLE["target"]]
    expected = -((1 - np.exp(log_p)) ** gamma) * log_p
    np.testing.assert_allclose(found, expected, rtol=2e-5, atol=1e-6)


@pytest.mark.parametrize("gamma", [0.5, 2.0])
def test_multi_label(gamma):
    objective = FocalObjective(MultiLabelObjective(), "multi_label", gamma)
    found = objective.losses({"logits": tf.constant(LOGITS)}, MULTI)["label"]
    p = 1 / (1 + np.exp(-LOGITS.astype(np.float64)))
    right = np.where(MULTI["target"] > 0, p, 1 - p)
    np.testing.assert_allclose(found, -((1 - right) ** gamma) * np.log(right), rtol=2e-5, atol=1e-7)


def test_class_weights_and_accuracy_are_those_of_the_inner_objective():
    inner = SingleLabelObjective(0.0, [1.0, 2.0, 3.0, 4.0])
    objective = FocalObjective(inner, "single_label", 2.0)
    assert objective.weights(SINGLE)["label"].numpy().tolist() == [1, 2, 3, 4, 1, 2, 3]
    outputs = {"logits": tf.constant(LOGITS)}
    correct = objective.correct(outputs, SINGLE)["label"]
    np.testing.assert_array_equal(correct, LOGITS.argmax(1) == SINGLE["target"])


@pytest.mark.parametrize("task", ["single_label", "multi_label"])
def test_gradients_are_finite_where_a_probability_rounds_to_1(task):
    inner, batch = (
        (SingleLabelObjective(), SINGLE)
        if task == "single_label"
        else (MultiLabelObjective(), MULTI)
    )
    logits = tf.constant(LOGITS * 1000)
    with tf.GradientTape() as tape:
        tape.watch(logits)
        objective = FocalObjective(inner, task, 0.5)
        loss = tf.reduce_sum(objective.losses({"logits": logits}, batch)["label"])
    assert np.isfinite(loss)
    assert np.isfinite(tape.gradient(loss, logits)).all()

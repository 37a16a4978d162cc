"""Losses, weights and accuracy against plain numpy in float64."""

import numpy as np
import pytest
import tensorflow as tf

from keras_bert_cls.training.objectives import (
    MaskedLMObjective,
    MultiLabelObjective,
    RegressionObjective,
    SingleLabelObjective,
    plain_objective,
)
from keras_bert_cls.training.term_sums import mean_values, sum_names, term_sums

ROWS, LABELS = 6, 4
RANDOM = np.random.default_rng(0)
LOGITS = RANDOM.normal(0, 3, (ROWS, LABELS)).astype(np.float32)
IDS = RANDOM.integers(0, LABELS, ROWS).astype(np.int32)
SEVERAL = RANDOM.integers(0, 2, (ROWS, LABELS)).astype(np.float32)
REAL = np.array([1, 1, 1, 1, 1, 0], np.float32)
CLASS_WEIGHTS = [0.5, 2.0, 1.0, 3.0]


def softmax(logits):
    exponentials = np.exp(logits.astype(np.float64))
    return exponentials / exponentials.sum(-1, keepdims=True)


def tensors(**values):
    return {name: tf.constant(value) for name, value in values.items()}


def measured(objective, outputs, batch):
    """The means of a batch, and a check that the sums have the names that the loop expects."""
    sums = term_sums(objective, outputs, batch)
    assert set(sums) == set(sum_names(objective, batch))
    return mean_values({name: float(value) for name, value in sums.items()})


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("class_weights", [None, CLASS_WEIGHTS])
def test_single_label(smoothing, class_weights):
    objective = SingleLabelObjective(smoothing, class_weights)
    target = np.eye(LABELS)[IDS] * (1 - smoothing) + smoothing / LABELS
    losses = -(target * np.log(softmax(LOGITS))).sum(-1)
    weights = REAL * (np.ones(ROWS) if class_weights is None else np.array(class_weights)[IDS])
    means = measured(objective, tensors(logits=LOGITS), tensors(target=IDS, sample_weight=REAL))
    hits = (LOGITS.argmax(1) == IDS)[:5]
    assert means == pytest.approx(
        # Weights make some rows matter more in the loss; a hit is a hit.
        {"loss": (losses * weights).sum() / weights.sum(), "train_accuracy": hits.mean()},
        rel=1e-6,
    )


def test_accuracy_zero_is_reported():
    wrong = ((IDS + 1) % LABELS).astype(np.int32)
    logits = np.eye(LABELS, dtype=np.float32)[wrong] * 9
    batch = tensors(target=IDS, sample_weight=REAL)
    assert measured(SingleLabelObjective(), tensors(logits=logits), batch)["train_accuracy"] == 0


@pytest.mark.parametrize("smoothing", [0.0, 0.2])
@pytest.mark.parametrize("class_weights", [None, CLASS_WEIGHTS])
def test_multi_label(smoothing, class_weights):
    objective = MultiLabelObjective(smoothing, class_weights)
    target = SEVERAL * (1 - smoothing) + smoothing / 2
    positive = 1 / (1 + np.exp(-LOGITS.astype(np.float64)))
    losses = -(target * np.log(positive) + (1 - target) * np.log(1 - positive))
    weights = REAL[:, np.newaxis] * np.array(class_weights or np.ones(LABELS))
    means = measured(objective, tensors(logits=LOGITS), tensors(target=SEVERAL, sample_weight=REAL))
    assert means == pytest.approx({"loss": (losses * weights).sum() / weights.sum()}, rel=1e-5)


def test_regression():
    target = RANDOM.normal(size=ROWS).astype(np.float32)
    means = measured(
        RegressionObjective(), tensors(logits=LOGITS), tensors(target=target, sample_weight=REAL)
    )
    expected = ((LOGITS[:, 0].astype(np.float64) - target) ** 2)[:5].mean()
    assert means == pytest.approx({"loss": expected}, rel=1e-6)


@pytest.mark.parametrize("pairs", [False, True])
def test_masked_lm(pairs):
    logits = RANDOM.normal(0, 2, (ROWS, 3, 7)).astype(np.float32)
    labels = RANDOM.integers(0, 7, (ROWS, 3)).astype(np.int32)
    weights = np.zeros((ROWS, 3), np.float32)
    weights[0, :3] = weights[1, :1] = weights[3, :2] = 1
    batch = tensors(mask_labels=labels, mask_weights=weights, sample_weight=REAL)
    outputs = tensors(logits=logits)
    row, place = np.indices(labels.shape)
    losses = -np.log(softmax(logits)[row, place, labels])
    expected = {
        "loss": losses[weights > 0].mean(),
        "masked_accuracy": (logits.argmax(-1) == labels)[weights > 0].mean(),
    }
    if pairs:
        batch["pair_target"] = tf.constant(IDS % 2)
        outputs["pair_logits"] = tf.constant(LOGITS[:, :2])
        pair_losses = -np.log(softmax(LOGITS[:, :2])[np.arange(ROWS), IDS % 2])
        expected["loss"] += pair_losses[:5].mean()
        expected["pair_accuracy"] = (LOGITS[:, :2].argmax(1) == IDS % 2)[:5].mean()
    assert measured(MaskedLMObjective(), outputs, batch) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("objective", [SingleLabelObjective(), SingleLabelObjective(0.1)])
def test_gradients_are_finite_where_the_model_is_sure(objective):
    logits = tf.Variable([[200.0, -200.0], [-200.0, 200.0]])
    batch = tensors(target=np.int32([0, 0]), sample_weight=np.float32([1, 1]))
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(objective.losses({"logits": logits}, batch)["label"])
    assert np.isfinite(tape.gradient(loss, logits)).all()


def test_models_are_judged_without_smoothing_and_weights():
    for task, kind in (
        ("masked_lm", MaskedLMObjective),
        ("single_label", SingleLabelObjective),
        ("multi_label", MultiLabelObjective),
        ("regression", RegressionObjective),
    ):
        assert type(plain_objective(task)) is kind
    batch = tensors(target=IDS, sample_weight=REAL)
    plain = measured(plain_objective("single_label"), tensors(logits=LOGITS), batch)
    assert plain == measured(SingleLabelObjective(), tensors(logits=LOGITS), batch)

"""The loss of distillation and its gradient against plain numpy in float64."""

import numpy as np
import pytest
import tensorflow as tf
from test_loop import LABELS as LOOP_LABELS
from test_loop import ROWS as LOOP_ROWS
from test_loop import batches, iterator, largest_difference, loop_of, toy_model, weights

from keras_bert_cls.training.distillation_objective import DistillationObjective
from keras_bert_cls.training.objectives import (
    MultiLabelObjective,
    RegressionObjective,
    SingleLabelObjective,
)
from keras_bert_cls.training.term_sums import mean_values, sum_names, term_sums

ROWS, LABELS = 7, 4
RANDOM = np.random.default_rng(3)
STUDENT = RANDOM.normal(0, 3, (ROWS, LABELS)).astype(np.float32)
TEACHER = RANDOM.normal(0, 3, (ROWS, LABELS)).astype(np.float32)
REAL = np.array([1, 1, 1, 1, 1, 1, 0], np.float32)
LABELLED = np.array([1, 0, 1, 0, 0, 1, 0], np.float32)
CLASS_WEIGHTS = [0.5, 2.0, 1.0, 3.0]
TARGETS = {
    "single_label": RANDOM.integers(0, LABELS, ROWS).astype(np.int32),
    "multi_label": RANDOM.integers(0, 2, (ROWS, LABELS)).astype(np.float32),
    "regression": RANDOM.normal(size=ROWS).astype(np.float32),
}
HARD = {
    "single_label": SingleLabelObjective(0.1, CLASS_WEIGHTS),
    "multi_label": MultiLabelObjective(0.1, CLASS_WEIGHTS),
    "regression": RegressionObjective(),
}


def softmax(logits):
    exponentials = np.exp(logits - logits.max(-1, keepdims=True))
    return exponentials / exponentials.sum(-1, keepdims=True)


def sigmoid(logits):
    return 1 / (1 + np.exp(-logits))


def batch_of(task, teacher=TEACHER, **changes):
    arrays = {
        "target": TARGETS[task],
        "sample_weight": REAL,
        "labelled": LABELLED,
        "teacher_logits": teacher,
        **changes,
    }
    return {name: tf.constant(values) for name, values in arrays.items()}


def measured(objective, batch, student=STUDENT):
    """The means of a batch, and the gradient of the loss by the logits."""
    logits = tf.Variable(student)
    names = sum_names(objective, batch)
    with tf.GradientTape() as tape:
        sums = term_sums(objective, {"logits": logits}, batch)
        terms = [name.removesuffix("_weight") for name in names if name.endswith("_weight")]
        loss = tf.add_n([sums[f"{term}_loss"] / sums[f"{term}_weight"] for term in terms])
    assert set(sums) == set(names)
    means = mean_values({name: float(value) for name, value in sums.items()})
    return means, tape.gradient(loss, logits).numpy()


def hard_reference(task):
    """The mean hard loss of the rows with a label, and its gradient."""
    logits, target = STUDENT.astype(np.float64), TARGETS[task]
    counted = (REAL * LABELLED)[:, np.newaxis]
    if task == "regression":
        difference = logits[:, :1] - target[:, np.newaxis]
        gradient = np.zeros_like(logits)
        gradient[:, :1] = 2 * difference * counted / counted.sum()
        return (difference**2 * counted).sum() / counted.sum(), gradient
    if task == "single_label":
        goal = np.eye(LABELS)[target] * 0.9 + 0.1 / LABELS
        factors = counted * np.array(CLASS_WEIGHTS)[target][:, np.newaxis]
        losses = -(goal * np.log(softmax(logits))).sum(-1, keepdims=True)
        return (losses * factors).sum() / factors.sum(), (
            (softmax(logits) - goal) * factors / factors.sum()
        )
    goal, factors = target * 0.9 + 0.05, counted * np.array(CLASS_WEIGHTS)
    positive = sigmoid(logits)
    losses = -(goal * np.log(positive) + (1 - goal) * np.log(1 - positive))
    return (losses * factors).sum() / factors.sum(), (positive - goal) * factors / factors.sum()


def soft_reference(task, temperature):
    """The mean soft loss of all real rows, and its gradient."""
    student, teacher = STUDENT.astype(np.float64), TEACHER.astype(np.float64)
    counted = REAL[:, np.newaxis]
    if task == "regression":
        difference = student[:, :1] - teacher[:, :1]
        gradient = np.zeros_like(student)
        gradient[:, :1] = 2 * difference * counted / counted.sum()
        return (difference**2 * counted).sum() / counted.sum(), gradient
    if task == "single_label":
        p, q = softmax(teacher / temperature), softmax(student / temperature)
        losses = (p * np.log(p / q)).sum(-1, keepdims=True)
        entries = counted.sum()
    else:
        p, q = sigmoid(teacher / temperature), sigmoid(student / temperature)
        losses = p * np.log(p / q) + (1 - p) * np.log((1 - p) / (1 - q))
        entries = counted.sum() * LABELS
    loss = temperature**2 * (losses * counted).sum() / entries
    return loss, temperature * (q - p) * counted / entries


@pytest.mark.parametrize("task", HARD)
@pytest.mark.parametrize(("weight", "temperature"), [(0.3, 2.0), (1.0, 0.5), (0.9, 7.0)])
def test_loss_and_gradient(task, weight, temperature):
    objective = DistillationObjective(HARD[task], task, weight, temperature)
    means, gradient = measured(objective, batch_of(task))
    hard, hard_gradient = hard_reference(task)
    soft, soft_gradient = soft_reference(task, temperature)
    assert means["loss"] == pytest.approx((1 - weight) * hard + weight * soft, rel=1e-5)
    expected = (1 - weight) * hard_gradient + weight * soft_gradient
    np.testing.assert_allclose(gradient, expected, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("task", HARD)
def test_a_student_that_says_what_its_teacher_says_has_no_soft_loss(task):
    objective = DistillationObjective(HARD[task], task, 1.0, 3.0)
    means, gradient = measured(objective, batch_of(task, teacher=STUDENT))
    assert means["loss"] == pytest.approx(0, abs=1e-7)
    np.testing.assert_allclose(gradient, 0, atol=1e-7)


@pytest.mark.parametrize("task", HARD)
def test_targets_of_rows_without_label_change_nothing(task):
    objective = DistillationObjective(HARD[task], task, 0.5, 2.0)
    other = TARGETS[task].copy()
    unlabelled = LABELLED == 0
    other[unlabelled] = (1 - other[unlabelled]) % LABELS
    one, gradient = measured(objective, batch_of(task))
    two, other_gradient = measured(objective, batch_of(task, target=other))
    assert one == two
    np.testing.assert_array_equal(gradient, other_gradient)


def test_rows_all_have_labels_unless_the_batch_says_otherwise():
    objective = DistillationObjective(HARD["single_label"], "single_label", 0.5, 2.0)
    batch = batch_of("single_label", labelled=np.ones(ROWS, np.float32))
    expected = measured(objective, batch)
    del batch["labelled"]
    means, gradient = measured(objective, batch)
    assert means == expected[0]
    np.testing.assert_array_equal(gradient, expected[1])


def test_hits_are_counted_by_labels_and_agreement_by_the_teacher():
    objective = DistillationObjective(HARD["single_label"], "single_label", 0.5, 2.0)
    means, _ = measured(objective, batch_of("single_label"))
    choices = STUDENT.argmax(1)
    hits = (choices == TARGETS["single_label"])[(REAL * LABELLED) > 0]
    assert means["train_accuracy"] == pytest.approx(hits.mean())
    agreement = (choices == TEACHER.argmax(1))[REAL > 0]
    assert means["teacher_agreement"] == pytest.approx(agreement.mean())


@pytest.mark.parametrize("task", ["single_label", "multi_label"])
def test_gradients_are_finite_where_both_are_sure(task):
    sure = np.array([[300.0, -300.0, 0, 0], [-300.0, 300.0, 0, 0]] * 3 + [[0] * 4], np.float32)
    objective = DistillationObjective(HARD[task], task, 1.0, 1.0)
    _, gradient = measured(objective, batch_of(task, teacher=-sure), sure)
    assert np.isfinite(gradient).all()
    assert np.abs(gradient).max() > 0


def test_accumulation_changes_no_result():
    data = batches(6)
    random = np.random.default_rng(9)
    shape = data["sample_weight"].shape
    assert shape[1] == LOOP_ROWS
    # Some pieces of a batch have no row with a label.
    data["labelled"] = (random.random(shape) < 0.3).astype(np.float32)
    data["teacher_logits"] = random.normal(0, 2, (*shape, LOOP_LABELS)).astype(np.float32)
    hard = SingleLabelObjective(0.1, [0.2, 1.0, 5.0])
    models = [toy_model(0.2) for _ in range(3)]
    reports = [
        loop_of(
            model,
            DistillationObjective(hard, "single_label", 0.7, 2.0),
            clip_norm=0.05,
            accumulation=pieces,
        ).run(iterator(data), 6)
        for model, pieces in zip(models, (1, 2, 8), strict=True)
    ]
    for model, report in zip(models[1:], reports[1:], strict=True):
        np.testing.assert_allclose(report.losses, reports[0].losses, atol=1e-6)
        assert report.sums == pytest.approx(reports[0].sums, rel=1e-6)
        assert largest_difference(weights(model), weights(models[0])) < 1e-6

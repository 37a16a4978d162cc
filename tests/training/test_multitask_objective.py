"""The loss of batches of one task each, against the tasks' own objectives."""

import numpy as np
import pytest
import tensorflow as tf

from keras_bert_cls.training.multitask_objective import MultiTaskObjective, WeightedObjective
from keras_bert_cls.training.objectives import (
    MaskedLMObjective,
    MultiLabelObjective,
    RegressionObjective,
    SingleLabelObjective,
)
from keras_bert_cls.training.term_sums import mean_values, sum_names, term_sums

ROWS, LABELS = 6, 4
RANDOM = np.random.default_rng(0)
LOGITS = tf.constant(RANDOM.normal(0, 3, (ROWS, LABELS)), tf.float32)
REAL = tf.constant([1, 1, 1, 1, 1, 0], tf.float32)
OWN = {
    "topic": {"target": tf.constant(RANDOM.integers(0, LABELS, ROWS), tf.int32)},
    "tags": {"target": tf.constant(RANDOM.integers(0, 2, (ROWS, LABELS)), tf.float32)},
    "value": {"target": tf.constant(RANDOM.normal(0, 1, ROWS), tf.float32)},
}
PARTS = {
    "topic": WeightedObjective(SingleLabelObjective(0.1, [0.5, 2.0, 1.0, 3.0]), 0.5),
    "tags": WeightedObjective(MultiLabelObjective(), 2.0),
    "value": WeightedObjective(RegressionObjective()),
    "masked_lm": WeightedObjective(MaskedLMObjective(), 3.0),
}
OBJECTIVE = MultiTaskObjective(PARTS)
OUTPUTS = {name: {"logits": LOGITS} for name in OWN}


def joint_batch(task: str, masks: int = 0) -> dict[str, tf.Tensor]:
    fields = {f"{name}/{field}": v for name, own in OWN.items() for field, v in own.items()}
    shape = (ROWS, masks)
    return {
        **fields,
        "task": tf.constant(list(PARTS).index(task), tf.int32),
        "sample_weight": REAL,
        "mask_labels": tf.constant(RANDOM.integers(0, 9, shape), tf.int32),
        "mask_weights": tf.ones(shape),
    }


def sums_of(task, masks=0):
    batch = joint_batch(task, masks)
    logits = tf.constant(RANDOM.normal(0, 1, (ROWS, masks, 9)), tf.float32)
    outputs = {**OUTPUTS, "masked_lm": {"logits": logits}}
    sums = term_sums(OBJECTIVE, outputs, batch)
    assert set(sums) == set(sum_names(OBJECTIVE, batch))
    return {name: float(value) for name, value in sums.items()}, outputs, batch


@pytest.mark.parametrize("task", OWN)
def test_a_batch_has_the_loss_of_its_task_times_its_weight(task):
    sums, _, _ = sums_of(task)
    objective, weight = PARTS[task]
    alone = term_sums(objective, OUTPUTS[task], {**OWN[task], "sample_weight": REAL})
    expected = mean_values({name: float(value) for name, value in alone.items()})
    means = mean_values(sums)
    loss = weight * expected.pop("loss")
    wanted = {"loss": loss, f"{task}/loss": loss}
    wanted |= {f"{task}/{name}": value for name, value in expected.items()}
    assert means == pytest.approx(wanted, rel=1e-6)


def test_the_masked_lm_counts_its_masks():
    sums, outputs, batch = sums_of("masked_lm", masks=2)
    alone = term_sums(MaskedLMObjective(), outputs["masked_lm"], batch)
    loss = 3 * float(alone["masked_loss"]) / float(alone["masked_weight"])
    means = mean_values(sums)
    assert means["loss"] == means["masked_lm/loss"] == pytest.approx(loss, rel=1e-6)
    assert set(means) == {"loss", "masked_lm/loss", "masked_lm/masked_accuracy"}
    assert set(OBJECTIVE.inputs) == {"token_ids", "segment_ids", "padding_mask", "mask_positions"}


def test_means_over_batches_are_over_those_of_the_task():
    parts = [sums_of("topic")[0], sums_of("value")[0], sums_of("topic")[0]]
    means = mean_values({name: sum(part[name] for part in parts) for name in parts[0]})
    topic, value = mean_values(parts[0]), mean_values(parts[1])
    assert means["topic/loss"] == pytest.approx(topic["loss"], rel=1e-6)
    assert means["topic/train_accuracy"] == pytest.approx(topic["topic/train_accuracy"])
    assert means["loss"] == pytest.approx((topic["loss"] + value["loss"]) / 2, rel=1e-6)
    assert "tags/loss" not in means and "masked_lm/loss" not in means

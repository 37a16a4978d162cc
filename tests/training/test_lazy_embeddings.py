"""Rows of the token embedding without a gradient stay as they are, under AdamW that is lazy."""

import json
import pathlib
import subprocess
import sys

import keras
import lazy_run
import numpy as np
import pytest
import tensorflow as tf
from test_loop import (
    CLASS_WEIGHTS,
    WORDS,
    iterator,
    largest_difference,
    loop_of,
    toy_model,
    weights,
)
from tiny_multitask import multitask_config
from tiny_runs import finetune_config, pretrain_config, tiny_encoder
from tiny_seq2seq import seq2seq_config

from keras_bert_cls.errors import UserError
from keras_bert_cls.modeling.models import classifier_model
from keras_bert_cls.training.adamw import AdamW
from keras_bert_cls.training.config_check import check_config
from keras_bert_cls.training.objectives import SingleLabelObjective
from keras_bert_cls.training.optimizer_config import OptimizerConfig
from keras_bert_cls.training.parameter_rules import TOKEN_EMBEDDING, ParameterRule
from keras_bert_cls.training.run import make_optimizer

ROWS, WIDTH, UPDATES = 12, 5, 30
BETAS = {"beta_1": 0.8, "beta_2": 0.95, "epsilon": 1e-5}
RULE = ParameterRule("", 0.5, 0.3)


def table() -> keras.Variable:
    values = np.random.default_rng(0).normal(size=(ROWS, WIDTH)).astype(np.float32)
    return keras.Variable(values, name="table")


def gradients(update: int) -> tf.IndexedSlices:
    """Of some of the first 10 rows; the one of row 4 is 0."""
    random = np.random.default_rng(update)
    indices = random.permutation(ROWS - 2)[: random.integers(2, 6)]
    values = random.normal(size=(len(indices), WIDTH)) * 10.0 ** random.integers(-6, 3)
    values[indices == 4] = 0
    return tf.IndexedSlices(
        tf.constant(values, tf.float32), tf.constant(indices), tf.constant([ROWS, WIDTH])
    )


def apply(optimizer: AdamW, gradient, number: int, rate=0.02, only_if=None) -> None:
    optimizer.apply([gradient], tf.constant(rate), tf.constant(number, tf.int64), only_if)


def values(optimizer: AdamW) -> list[np.ndarray]:
    (variable,) = optimizer.variables
    return [variable.numpy(), *(v.numpy() for v in tf.nest.flatten(optimizer.state))]


def test_equals_numpy_in_float64():
    variable = table()
    optimizer = AdamW([variable], [RULE], **BETAS, lazy=True)
    weight = variable.numpy().astype(np.float64)
    start, first, second = weight.copy(), np.zeros_like(weight), np.zeros_like(weight)
    for number in range(1, UPDATES + 1):
        rate, gradient = 0.02 / number, gradients(number)
        apply(optimizer, gradient, number, rate)
        for index, row in zip(gradient.indices.numpy(), gradient.values.numpy(), strict=True):
            if index == 4:
                continue
            row = row.astype(np.float64)
            first[index] = 0.8 * first[index] + 0.2 * row
            second[index] = 0.95 * second[index] + 0.05 * row**2
            mean = first[index] / (1 - 0.8**number)
            root = np.sqrt(second[index] / (1 - 0.95**number))
            weight[index] *= 1 - rate * 0.5 * 0.3
            weight[index] -= rate * 0.5 * mean / (root + 1e-5)
    found = values(optimizer)
    np.testing.assert_allclose(found[0], weight, rtol=0, atol=1e-6)
    np.testing.assert_allclose(found[1], first, rtol=1e-5, atol=1e-9)
    np.testing.assert_allclose(found[2], second, rtol=1e-5, atol=1e-9)
    untouched = [4, 10, 11]
    np.testing.assert_array_equal(found[0][untouched], start[untouched])
    assert not found[1][untouched].any() and not found[2][untouched].any()
    assert (found[0] != start).any(axis=1).sum() == ROWS - len(untouched)


def test_rows_that_are_always_there_equal_the_dense_optimizer():
    lazy, dense = (AdamW([table()], [RULE], **BETAS, lazy=lazy) for lazy in (True, False))
    for number in range(1, 11):
        random = np.random.default_rng(number)
        rows = tf.constant(random.normal(size=(4, WIDTH)), tf.float32)
        gradient = tf.IndexedSlices(rows, tf.constant([7, 2, 0, 5]), tf.constant([ROWS, WIDTH]))
        for optimizer in (lazy, dense):
            apply(optimizer, gradient, number)
    for one, other in zip(values(lazy), values(dense), strict=True):
        np.testing.assert_allclose(one[[7, 2, 0, 5]], other[[7, 2, 0, 5]], rtol=1e-6, atol=1e-7)
    start = table().numpy()
    np.testing.assert_array_equal(values(lazy)[0][[1, 3]], start[[1, 3]])
    assert (values(dense)[0][[1, 3]] != start[[1, 3]]).all()


def test_without_decay_the_first_update_is_the_dense_one():
    rule, number = ParameterRule("", 1.0, 0.0), 3
    lazy, dense = (AdamW([table()], [rule], lazy=lazy) for lazy in (True, False))
    for optimizer in (lazy, dense):
        apply(optimizer, gradients(number), 1)
    for one, other in zip(values(lazy), values(dense), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-6, atol=0)


def test_a_skipped_update_changes_nothing():
    optimizer = AdamW([table()], [RULE], lazy=True)
    apply(optimizer, gradients(1), 1, only_if=tf.constant(True))
    before = values(optimizer)
    apply(optimizer, gradients(2), 2, only_if=tf.constant(False))
    assert largest_difference(values(optimizer), before) == 0.0


def test_values_that_were_read_before_an_update_stay_what_they_were():
    optimizer = AdamW([table()], [RULE], lazy=True)
    (variable,) = optimizer.variables
    apply(optimizer, gradients(1), 1)
    read = variable.value.read_value()
    before = np.array(read)
    apply(optimizer, gradients(2), 2)
    np.testing.assert_array_equal(read, before)
    assert (variable.numpy() != before).any()


def test_a_dense_gradient_is_refused():
    optimizer = AdamW([table()], [RULE], lazy=True)
    with pytest.raises(ValueError, match="no weight is only looked up by rows"):
        apply(optimizer, tf.zeros([ROWS, WIDTH]), 1)


# === In the loop ===


def reference(data, updates: int) -> list[np.ndarray]:
    """The weights of the toy model after updates of float64 numpy, with clipping at 0.05."""
    model = toy_model()
    variables = model.trainable_variables
    now = [value.astype(np.float64) for value in weights(model)]
    moments = [(np.zeros_like(value), np.zeros_like(value)) for value in now]
    objective = SingleLabelObjective(0.1, CLASS_WEIGHTS)
    for step in range(updates):
        batch = {name: tf.constant(values[step]) for name, values in data.items()}
        for variable, value in zip(variables, now, strict=True):
            variable.assign(value)
        with tf.GradientTape() as tape:
            outputs = model({name: batch[name] for name in objective.inputs})
            factors = objective.weights(batch)["label"]
            losses = objective.losses(outputs, batch)["label"]
            loss = tf.reduce_sum(losses * factors) / tf.reduce_sum(factors)
        found = tape.gradient(loss, [variable.value for variable in variables])
        found = [tf.convert_to_tensor(gradient).numpy().astype(np.float64) for gradient in found]
        norm = np.sqrt(sum((gradient**2).sum() for gradient in found))
        rate, number = 0.02 / (step + 1), step + 1
        for i, gradient in enumerate(found):
            gradient *= min(1, 0.05 / norm)
            used = np.ones_like(gradient, bool)
            if variables[i].path == TOKEN_EMBEDDING:
                used = used & gradient.any(axis=1, keepdims=True)
            first, second = moments[i]
            first[used] = (0.9 * first + 0.1 * gradient)[used]
            second[used] = (0.999 * second + 0.001 * gradient**2)[used]
            mean, root = first / (1 - 0.9**number), np.sqrt(second / (1 - 0.999**number))
            moved = now[i] * (1 - rate * 0.05) - rate * mean / (root + 1e-6)
            now[i] = np.where(used, moved, now[i])
    return now


@pytest.fixture(scope="module")
def data():
    return lazy_run.few_words()


@pytest.mark.parametrize("pieces", [1, 2, 8])
def test_the_loop_equals_numpy(data, pieces):
    model = toy_model()
    report = loop_of(model, clip_norm=0.05, lazy=True, accumulation=pieces).run(iterator(data), 6)
    assert report.gradient_norm > 0.05
    assert largest_difference(weights(model), reference(data, 6)) < 2e-6
    dense = toy_model()
    loop_of(dense, clip_norm=0.05, accumulation=pieces).run(iterator(data), 6)
    assert largest_difference(weights(model), weights(dense)) > 1e-4
    last = WORDS - 1  # in no batch
    np.testing.assert_array_equal(weights(model)[0][last], weights(toy_model())[0][last])


def test_a_compiled_loop_changes_no_result(data):
    plain, compiled = toy_model(), toy_model()
    loop_of(plain, clip_norm=0.05, lazy=True, accumulation=2).run(iterator(data), 3)
    loop = loop_of(compiled, clip_norm=0.05, lazy=True, accumulation=2, jit_compile=True)
    loop.run(iterator(data), 3)
    assert largest_difference(weights(plain), weights(compiled)) < 1e-6


def test_going_on_from_saved_state_changes_nothing(data):
    straight, broken, resumed = toy_model(0.3), toy_model(0.3), toy_model(0.3)
    loop_of(straight, lazy=True).run(iterator(data), 6)
    first, second = loop_of(broken, lazy=True), loop_of(resumed, lazy=True)
    first.run(iterator(data), 2)
    saved = [*broken.trainable_variables, *tf.nest.flatten(first.state)]
    mine = [*resumed.trainable_variables, *tf.nest.flatten(second.state)]
    for one, other in zip(mine, saved, strict=True):
        one.assign(other)
    second.run(iterator(data, 2), 4)
    assert largest_difference(weights(straight), weights(resumed)) == 0.0


def test_mixed_precision_and_overflow(data):
    full, mixed = toy_model(), toy_model(precision="mixed_bfloat16")
    one = loop_of(full, lazy=True).run(iterator(data), 6)
    other = loop_of(mixed, lazy=True).run(iterator(data), 6)
    np.testing.assert_allclose(one.losses, other.losses, rtol=0.02)
    half = toy_model(precision="mixed_float16")
    loop = loop_of(half, lazy=True, float16=True)
    loop.state["loss_scale"]["scale"].assign(2.0**24)
    moments = tf.nest.flatten(loop.state["moments"])
    report = loop.run(iterator(data), 1)
    assert not np.isfinite(report.gradient_norm)
    assert largest_difference(weights(half), weights(toy_model())) == 0.0
    assert not any(moment.numpy().any() for moment in moments)
    for _ in range(3):
        loop.run(iterator(data), 6)
    assert int(loop.state["updates"]) > 0
    assert all(np.isfinite(value).all() for value in weights(half))


def test_two_replicas_equal_one():
    done = subprocess.run([sys.executable, lazy_run.__file__], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert 0 < json.loads(done.stdout.splitlines()[-1]) < 1e-5


# === In runs ===

FOLDER = pathlib.Path("data")


@pytest.mark.parametrize("lazy", [True, False])
def test_the_config_decides(lazy):
    model = classifier_model(tiny_encoder(vocabulary_size=9), 2)
    assert TOKEN_EMBEDDING in [variable.path for variable in model.trainable_variables]
    assert make_optimizer(model, OptimizerConfig(lazy_embeddings=lazy)).lazy is lazy


@pytest.mark.parametrize(
    ("config", "problem"),
    [
        (pretrain_config(FOLDER), "output 'tied' makes"),
        (seq2seq_config(FOLDER), "decoder.tie_embeddings makes"),
        (multitask_config(FOLDER), "masked_lm makes"),
        (
            finetune_config(FOLDER, optimizer_rules=(("embedding", 0.0, 0.0),)),
            "rules freeze the token embedding",
        ),
    ],
)
def test_what_does_not_go_with_it(config, problem):
    check_config(config)
    config.optimizer.lazy_embeddings = True
    with pytest.raises(UserError, match=f"--config.optimizer: lazy_embeddings.*{problem}"):
        check_config(config)


def test_what_goes_with_it():
    for config in (
        finetune_config(FOLDER, optimizer_layer_decay=0.9, aids_ema_decay=0.9, aids_r_drop=1.0),
        pretrain_config(FOLDER, output="adaptive", adaptive_cutoffs=(4,), adaptive_div_value=2.0),
        seq2seq_config(FOLDER, decoder_tie_embeddings=False),
        multitask_config(FOLDER, text=False),
    ):
        config.optimizer.lazy_embeddings = True
        check_config(config)

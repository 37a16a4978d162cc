"""The training loop on a model of a few weights, against whole batches and stock Keras."""

import time

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_bert_cls.modeling.dropout import Dropout
from keras_bert_cls.training.adamw import AdamW
from keras_bert_cls.training.loop import TrainingLoop
from keras_bert_cls.training.objectives import RegressionObjective, SingleLabelObjective
from keras_bert_cls.training.parameter_rules import ParameterRule
from keras_bert_cls.training.run import with_precision

ROWS, LENGTH, WORDS, LABELS = 8, 6, 11, 3
CLASS_WEIGHTS = [0.2, 1.0, 5.0]
DECAY = ParameterRule("", 1.0, 0.05)


def toy_model(dropout: float = 0.0, precision: str = "float32") -> keras.Model:
    """The sum of token embeddings, a hidden layer, logits; always with the same first weights."""

    def build():
        inputs = {
            name: keras.Input((None,), dtype="int32", name=name)
            for name in ("token_ids", "segment_ids", "padding_mask")
        }
        x = keras.layers.Embedding(WORDS, 8, name="token_embedding")(inputs["token_ids"])
        x = Dropout(dropout, name="first_dropout")(x)
        mask = keras.ops.expand_dims(keras.ops.cast(inputs["padding_mask"], x.dtype), -1)
        x = keras.ops.sum(x * mask, axis=1)
        x = Dropout(dropout, name="second_dropout")(keras.layers.Dense(16, "tanh")(x))
        logits = keras.layers.Dense(LABELS, dtype="float32")(x)
        return keras.Model(inputs, {"logits": logits})

    keras.utils.set_random_seed(0)
    return with_precision(precision, build)


def batches(count: int, kind: str = "label") -> dict[str, np.ndarray]:
    """Returns `count` batches, stacked; the last rows of each are padding, of weight 0."""
    random = np.random.default_rng(5)
    lengths = random.integers(1, LENGTH + 1, (count, ROWS))
    real = np.arange(ROWS) < random.integers(3, ROWS + 1, count)[:, np.newaxis]
    mask = (np.arange(LENGTH) < lengths[..., np.newaxis]) & real[..., np.newaxis]
    targets = {
        "label": random.integers(0, LABELS, (count, ROWS)).astype(np.int32),
        "value": random.normal(size=(count, ROWS)).astype(np.float32),
    }
    return {
        "token_ids": random.integers(0, WORDS, (count, ROWS, LENGTH)).astype(np.int32) * mask,
        "segment_ids": np.zeros((count, ROWS, LENGTH), np.int32),
        "padding_mask": mask.astype(np.int32),
        "sample_weight": real.astype(np.float32),
        "target": targets[kind],
        "step": np.arange(count, dtype=np.int64),
    }


def iterator(data: dict[str, np.ndarray], start: int = 0):
    return iter(tf.data.Dataset.from_tensor_slices(data).skip(start))


def loop_of(model, objective=None, rate=0.02, epsilon=1e-6, lazy=False, **settings) -> TrainingLoop:
    variables = model.trainable_variables
    return TrainingLoop(
        tf.distribute.get_strategy(),
        model,
        AdamW(variables, [DECAY] * len(variables), epsilon=epsilon, lazy=lazy),
        objective or SingleLabelObjective(0.1, CLASS_WEIGHTS),
        lambda step: tf.constant(rate) / tf.cast(step + 1, tf.float32),
        **settings,
    )


def weights(model) -> list[np.ndarray]:
    return [variable.numpy() for variable in model.trainable_variables]


def largest_difference(one, other) -> float:
    return max(float(np.abs(a - b).max()) for a, b in zip(one, other, strict=True))


def test_the_time_that_data_takes_is_told():
    def slow(batch):
        with tf.control_dependencies([tf.py_function(lambda: time.sleep(0.05) or 0, [], tf.int32)]):
            return tf.nest.map_structure(tf.identity, batch)

    options = tf.data.Options()
    options.experimental_optimization.inject_prefetch = False
    dataset = tf.data.Dataset.from_tensor_slices(batches(4)).map(slow).with_options(options)
    assert loop_of(toy_model()).run(iter(dataset), 4).wait_seconds >= 4 * 0.05


def test_equals_keras_on_whole_batches():
    data = batches(6)
    ours, theirs = toy_model(), toy_model()
    # Keras means another thing by epsilon; see AdamW.
    settings = {"weight_decay": 0.05, "epsilon": 1e-12, "global_clipnorm": 0.05}
    report = loop_of(ours, clip_norm=0.05, epsilon=1e-12).run(iterator(data), 6)
    reference = keras.optimizers.AdamW(0.02, **settings)
    losses, norms = [], []
    for step in range(6):
        batch = {name: values[step] for name, values in data.items()}
        with tf.GradientTape() as tape:
            inputs = {name: batch[name] for name in ("token_ids", "segment_ids", "padding_mask")}
            logits = theirs(inputs)["logits"]
            targets = tf.one_hot(batch["target"], LABELS) * 0.9 + 0.1 / LABELS
            entropies = tf.keras.losses.categorical_crossentropy(targets, logits, from_logits=True)
            factors = batch["sample_weight"] * np.array(CLASS_WEIGHTS)[batch["target"]]
            loss = tf.reduce_sum(entropies * factors) / factors.sum()
        gradients = tape.gradient(loss, [v.value for v in theirs.trainable_variables])
        gradients = [tf.convert_to_tensor(gradient) for gradient in gradients]
        reference.learning_rate = 0.02 / (step + 1)
        reference.apply(gradients, theirs.trainable_variables)
        losses.append(float(loss))
        norms.append(float(tf.linalg.global_norm(gradients)))
    assert min(norms) > 0.05  # so that all were clipped
    np.testing.assert_allclose(report.losses, losses, rtol=1e-5)
    assert report.gradient_norm == pytest.approx(norms[-1], rel=1e-5)
    assert report.learning_rate == pytest.approx(0.02 / 6)
    assert largest_difference(weights(ours), weights(theirs)) < 1e-6
    assert report.sums["rows"] == data["sample_weight"].sum() < 6 * ROWS
    assert report.sums["tokens"] == data["padding_mask"].sum()
    assert not report.diverged.any()


@pytest.mark.parametrize("pieces", [2, 8])
def test_accumulation_changes_no_result(pieces):
    data = batches(6)
    # The class weights and the padding make the pieces of a batch weigh unevenly.
    whole, cut = toy_model(0.2), toy_model(0.2)
    one = loop_of(whole, clip_norm=0.05).run(iterator(data), 6)
    other = loop_of(cut, clip_norm=0.05, accumulation=pieces).run(iterator(data), 6)
    np.testing.assert_allclose(one.losses, other.losses, atol=1e-6)
    assert one.sums == pytest.approx(other.sums, rel=1e-6)
    assert largest_difference(weights(whole), weights(cut)) < 1e-6


def test_going_on_from_saved_state_changes_nothing():
    data = batches(6)
    settings = {"seed": 2**32 - 1, "accumulation": 2}
    straight, broken, resumed = toy_model(0.3), toy_model(0.3), toy_model(0.3)
    loop_of(straight, **settings).run(iterator(data), 6)
    first = loop_of(broken, **settings)
    first.run(iterator(data), 2)
    second = loop_of(resumed, **settings)
    for mine, saved in zip(resumed.trainable_variables, broken.trainable_variables, strict=True):
        mine.assign(saved)
    for mine, saved in zip(
        tf.nest.flatten(second.state), tf.nest.flatten(first.state), strict=True
    ):
        mine.assign(saved)
    second.run(iterator(data, 2), 1)
    second.run(iterator(data, 3), 3)
    assert largest_difference(weights(straight), weights(resumed)) == 0.0


def test_dropout_depends_on_seed_and_step():
    data = {name: np.repeat(values[:1], 4, axis=0) for name, values in batches(1).items()}

    def losses(seed, dropout=0.3):
        # The same batch, and a rate of 0: only dropout can change the loss.
        return loop_of(toy_model(dropout), rate=0.0, seed=seed).run(iterator(data), 4).losses

    assert len(set(losses(1, dropout=0.0).tolist())) == 1
    first = losses(1)
    assert len(set(first.tolist())) == 4
    np.testing.assert_array_equal(first, losses(1))
    assert not set(first.tolist()) & set(losses(2).tolist())


@pytest.fixture
def half():
    """A loop in float16 and what it trains."""
    model = toy_model(precision="mixed_float16")
    return model, loop_of(model, float16=True)


def test_an_overflow_halves_the_scale_and_changes_nothing_else(half):
    model, loop = half
    data = batches(16)
    loop.run(iterator(data), 1)
    scale = loop.state["loss_scale"]["scale"]
    assert float(scale) == 2.0**15
    scale.assign(2.0**24)
    moments = tf.nest.flatten(loop.state["moments"])
    before = [variable.numpy() for variable in moments]
    weights_before = weights(model)
    report = loop.run(iterator(data, 1), 1)
    assert report.loss_scale == float(scale) == 2.0**23
    assert not np.isfinite(report.gradient_norm)
    assert np.isfinite(report.losses).all()
    assert not report.diverged.any()
    assert (int(loop.step), int(loop.state["updates"])) == (2, 1)
    assert largest_difference(weights(model), weights_before) == 0.0
    assert largest_difference([v.numpy() for v in moments], before) == 0.0
    # It recovers: the scale falls until gradients fit, and the weights move again.
    report = loop.run(iterator(data, 2), 14)
    assert np.isfinite(report.gradient_norm)
    assert 1 < report.loss_scale < 2.0**23
    assert int(loop.state["updates"]) > 1
    assert largest_difference(weights(model), weights_before) > 0


def test_the_scale_doubles_after_a_long_time_without_overflow(half):
    _, loop = half
    loop.state["loss_scale"]["good_steps"].assign(1998)
    data = batches(3)
    assert loop.run(iterator(data), 1).loss_scale == 2.0**15
    assert loop.run(iterator(data, 1), 1).loss_scale == 2.0**16
    assert loop.run(iterator(data, 2), 1).loss_scale == 2.0**16


@pytest.mark.parametrize("precision", ["mixed_float16", "mixed_bfloat16"])
def test_mixed_precision_is_near_float32(precision):
    data = batches(10)
    full, mixed = toy_model(), toy_model(precision=precision)
    one = loop_of(full).run(iterator(data), 10)
    other = loop_of(mixed, float16=precision == "mixed_float16").run(iterator(data), 10)
    assert {variable.dtype for variable in mixed.trainable_variables} == {"float32"}
    np.testing.assert_allclose(one.losses, other.losses, rtol=0.02)
    assert one.gradient_norm == pytest.approx(other.gradient_norm, rel=0.05)


def test_a_loss_that_is_not_finite_is_seen_at_its_step():
    model = toy_model()
    data = batches(5, "value")
    data["target"][3, 0] = np.inf
    report = loop_of(model, RegressionObjective()).run(iterator(data), 5)
    assert report.diverged.tolist() == [False, False, False, True, True]


class SquareRoot(RegressionObjective):
    """The root of a product that is 0: a finite loss of infinite slope."""

    def losses(self, outputs, batch):
        return {"value": tf.sqrt(tf.abs(outputs["logits"][:, 0] * batch["target"]))}


def test_a_gradient_that_is_not_finite_is_seen_at_its_step():
    model = toy_model()
    data = batches(3, "value")
    data["target"][1] = 0.0
    report = loop_of(model, SquareRoot()).run(iterator(data), 2)
    assert np.isfinite(report.losses).all()
    assert report.diverged.tolist() == [False, True]


def test_in_float16_what_no_scale_can_mend_is_seen(half):
    model, _ = half
    loop = loop_of(model, SquareRoot(), float16=True)
    data = batches(3, "value")
    data["target"][:] = 0.0
    loop.state["loss_scale"]["scale"].assign(2.0)
    report = loop.run(iterator(data), 2)
    assert report.diverged.tolist() == [False, True]
    assert report.loss_scale == 1.0

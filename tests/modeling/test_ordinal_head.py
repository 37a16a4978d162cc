"""The proportional odds model, against the differences of sigmoids in float64."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from scipy.special import expit
from small_encoders import predict, random_inputs, randomize, small_config

from keras_bert_cls.modeling.head_settings import HeadSettings
from keras_bert_cls.modeling.models import classifier_model
from keras_bert_cls.modeling.ordinal_head import LevelLogProbabilities

SHARES = (0.1, 0.3, 0.05, 0.35, 0.2)


def layer_of(shares=SHARES, dtype="float64", raw=None):
    layer = LevelLogProbabilities(shares, dtype=dtype)
    layer.build((None, 1))
    if raw is not None:
        layer.raw_thresholds.assign(raw)
    return layer


def reference(thresholds, score):
    """P(level): differences of P(level <= k), float64 [batch, levels]."""
    at_most = expit(thresholds - score)
    ends = np.zeros((len(score), 1))
    return np.diff(np.hstack([ends, at_most, ends + 1]))


@pytest.mark.parametrize("levels", [2, 3, 7])
def test_probabilities_are_differences_of_cumulative_ones(levels):
    random = np.random.default_rng(levels)
    layer = layer_of([1] * levels, raw=random.normal(0, 2, levels - 1))
    score = random.normal(0, 4, (50, 1))
    thresholds = layer.thresholds().numpy()
    assert (np.diff(thresholds) > 0).all()
    probabilities = np.exp(layer(score).numpy())
    np.testing.assert_allclose(probabilities, reference(thresholds, score), rtol=1e-9, atol=1e-13)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-12)


def test_a_score_of_zero_begins_with_the_shares_of_the_levels():
    found = np.exp(layer_of(np.multiply(SHARES, 40))(np.zeros((1, 1))).numpy())
    np.testing.assert_allclose(found, [SHARES], rtol=1e-12)


@pytest.mark.parametrize("raw", [-200.0, -5.0, 50.0])
def test_thresholds_ascend_whatever_was_learned(raw):
    layer = layer_of(raw=[0.0, raw, raw, raw], dtype="float32")
    assert (np.diff(layer.thresholds().numpy()) > 0).all()


@pytest.mark.parametrize("raw", [-200.0, 0.0, 50.0])
@pytest.mark.parametrize("score", [-1e4, -50.0, 0.0, 50.0, 1e4])
def test_values_and_gradients_are_finite_and_right_at_saturated_scores(score, raw):
    layer, exact = (layer_of(raw=[0.5, raw, 1, -1], dtype=d) for d in ("float32", "float64"))
    for level in range(len(SHARES)):
        gradients = []
        for each in (layer, exact):
            with tf.GradientTape() as tape:
                scores = tf.constant([[score]], each.compute_dtype)
                tape.watch(scores)
                value = each(scores)[0, level]
            found = tape.gradient(value, [scores, each.raw_thresholds.value])
            gradients.append([float(value), *np.concatenate([np.ravel(g) for g in found])])
        assert np.isfinite(gradients).all()
        np.testing.assert_allclose(gradients[0], gradients[1], rtol=2e-3, atol=1e-5)
    # The gradient never dies on the wrong side.
    with tf.GradientTape() as tape:
        scores = tf.constant([[score]], "float64")
        tape.watch(scores)
        lowest = exact(scores)[0, 0]
    assert tape.gradient(lowest, scores).numpy()[0, 0] == pytest.approx(-expit(score - 0.5))


def test_models_give_float32_in_mixed_precision_and_come_back_from_a_file(tmp_path):
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        head = HeadSettings("ordinal", level_shares=SHARES)
        model = randomize(classifier_model(small_config(), len(SHARES), head=head))
    finally:
        keras.config.set_dtype_policy("float32")
    logits = predict(model, random_inputs())["logits"]
    assert logits.dtype == np.float32
    np.testing.assert_allclose(np.exp(logits).sum(axis=1), 1, rtol=1e-5)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(predict(loaded, random_inputs())["logits"], logits)


def test_shares_of_other_labels_are_refused():
    with pytest.raises(ValueError, match="expected 3 level_shares, got 5"):
        classifier_model(small_config(), 3, head=HeadSettings("ordinal", level_shares=SHARES))


def test_a_level_that_hardly_occurs_leaves_all_finite():
    layer = layer_of((0.5, 2e-7, 0.5), dtype="float32")
    assert np.isfinite(layer(np.zeros((1, 1))).numpy()).all()
    assert (np.diff(layer.thresholds().numpy()) > 0).all()

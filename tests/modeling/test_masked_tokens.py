"""A masked LM's last block computes the masked tokens only, and changes no number by it."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from small_encoders import predict, random_inputs, randomize, small_config

from keras_bert_cls.modeling.dropout import DropoutPlace, dropout_at
from keras_bert_cls.modeling.encoder import build_encoder
from keras_bert_cls.modeling.heads import GatherPositions
from keras_bert_cls.modeling.models import masked_lm_model

LENGTHS = (9, 16, 1, 5, 0, 16)
# One token more than once, unused places (0), padding (row 3), a row without tokens.
POSITIONS = np.array([[0, 8, 3], [15, 3, 3], [0, 0, 0], [4, 9, 0], [0, 5, 0], [1, 2, 14]], np.int32)


def whole_masked_lm(config):
    """The masked LM that picks its tokens out of all; so did those that older files hold."""
    encoder = build_encoder(config)
    positions = keras.Input((None,), dtype="int32", name="mask_positions")
    masked = GatherPositions(name="masked_tokens")(encoder.output["sequence_output"], positions)
    inputs = {**encoder.input, "mask_positions": positions}
    return masked_lm_model(keras.Model(inputs, {**encoder.output, "masked_output": masked}))


def both(config):
    whole, masked = randomize(whole_masked_lm(config)), masked_lm_model(config)
    assert [w.path for w in masked.weights] == [w.path for w in whole.weights]
    masked.set_weights(whole.get_weights())
    return whole, masked


def dropout_config(pack_tokens):
    return small_config(pack_tokens=pack_tokens, dropout=0.3, attention_dropout=0.3)


def batch(masks=3):
    return {**random_inputs(LENGTHS), "mask_positions": POSITIONS[:, :masks]}


def at_place(sequence=0, token=0, position=0):
    step = tf.constant(5, tf.int64)
    return dropout_at(DropoutPlace(tf.constant(1), step, 0, sequence, token, position))


def training_pass(model, inputs):
    """Returns logits and gradients, with dropout, of a loss in which every logit counts."""
    weights = [variable.value for variable in model.trainable_variables]
    with tf.GradientTape() as tape, at_place():
        logits = model(inputs, training=True)["logits"]
        weighting = np.random.default_rng(3).normal(size=logits.shape)
        loss = tf.reduce_sum(logits * tf.constant(weighting, logits.dtype))
    gradients = tape.gradient(loss, weights, unconnected_gradients=tf.UnconnectedGradients.ZERO)
    paths = [variable.path for variable in model.trainable_variables]
    dense = [tf.convert_to_tensor(gradient).numpy() for gradient in gradients]
    return logits.numpy(), dict(zip(paths, dense, strict=True))


@pytest.mark.parametrize("pack_tokens", [True, False])
@pytest.mark.parametrize("masks", [0, 1, 3])
def test_outputs_gradients_and_dropout_are_those_of_all_tokens(pack_tokens, masks):
    whole, masked = both(dropout_config(pack_tokens))
    inputs = batch(masks)
    for name, values in predict(whole, inputs).items():
        np.testing.assert_allclose(predict(masked, inputs)[name], values, rtol=0, atol=1e-5)
    expected, expected_gradients = training_pass(whole, inputs)
    found, gradients = training_pass(masked, inputs)
    assert found.shape == (6, masks, 50)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5)
    for path, gradient in expected_gradients.items():
        assert masks == 0 or np.abs(gradient).max() > 1e-2, path
        np.testing.assert_allclose(gradients[path], gradient, rtol=1e-4, atol=1e-4, err_msg=path)


@pytest.mark.parametrize("pack_tokens", [True, False])
def test_parts_of_a_batch_with_more_masks_or_less_equal_the_whole(pack_tokens):
    model = randomize(masked_lm_model(dropout_config(pack_tokens)))
    inputs = batch()
    with at_place():
        whole = model(inputs, training=True)["logits"].numpy()
    plain = predict(model, inputs)["logits"]
    assert not np.allclose(plain, whole, atol=0.05)
    for start, end, masks in ((0, 2, 1), (2, 6, 3)):
        part = {name: values[start:end] for name, values in inputs.items()}
        part["mask_positions"] = part["mask_positions"][:, :masks]
        with at_place(start, sum(LENGTHS[:start]), start * 16):
            found = model(part, training=True)["logits"]
        np.testing.assert_allclose(found, whole[start:end, :masks], rtol=0, atol=1e-5)


@pytest.mark.parametrize("precision", ["mixed_bfloat16", "mixed_float16"])
def test_mixed_precision(precision):
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(precision)
    try:
        whole, masked = both(dropout_config(True))
    finally:
        keras.config.set_dtype_policy(before)
    expected, expected_gradients = training_pass(whole, batch())
    found, gradients = training_pass(masked, batch())
    assert found.dtype == np.float32
    # Products of other shapes are summed in another order.
    np.testing.assert_allclose(found, expected, rtol=0, atol=0.02)
    for path, gradient in expected_gradients.items():
        limit = 0.05 * np.abs(gradient).max()
        np.testing.assert_allclose(gradients[path], gradient, rtol=0, atol=limit, err_msg=path)


def test_models_saved_with_all_tokens_load_and_answer_as_before(tmp_path):
    whole, masked = both(small_config())
    whole.save(tmp_path / "whole.keras")
    loaded = keras.saving.load_model(tmp_path / "whole.keras")
    expected = predict(whole, batch())["logits"]
    np.testing.assert_array_equal(predict(loaded, batch())["logits"], expected)
    masked.set_weights(loaded.get_weights())
    np.testing.assert_allclose(predict(masked, batch())["logits"], expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize("pack_tokens", [True, False])
def test_a_batch_without_tokens(pack_tokens):
    model = randomize(masked_lm_model(dropout_config(pack_tokens)))
    inputs = {**random_inputs((0, 0)), "mask_positions": POSITIONS[:2]}
    logits, gradients = training_pass(model, inputs)
    np.testing.assert_allclose(logits, predict(model, inputs)["logits"], rtol=0, atol=1e-6)
    for path, gradient in gradients.items():
        assert not gradient.any() or not path.startswith("block_"), path

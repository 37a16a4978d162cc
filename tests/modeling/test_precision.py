"""Mixed precision and XLA."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from small_encoders import predict, random_inputs, randomize, small_config

from keras_bert_cls.modeling.encoder import build_encoder
from keras_bert_cls.modeling.models import classifier_model, masked_lm_model

POSITIONS = np.array([[0, 8], [3, 15], [0, 0], [0, 0], [4, 2]], np.int32)
LABELS = np.array([[7, 49], [1, 2], [3, 0], [0, 0], [9, 9]], np.int32)
TOLERANCES = {"float32": 0.0, "mixed_bfloat16": 0.08, "mixed_float16": 0.01}
BUILDERS = {
    "masked_lm": lambda config: masked_lm_model(config, pair_objective=True),
    "classifier": lambda config: classifier_model(config, 3, dropout=0.0),
}


@pytest.fixture(params=list(TOLERANCES))
def precision(request):
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(request.param)
    yield request.param
    keras.config.set_dtype_policy(before)


def inputs_of(model):
    inputs = random_inputs((9, 16, 1, 0, 5))
    return {**inputs, "mask_positions": POSITIONS} if "mask_positions" in model.input else inputs


def in_float32(build, config, weights):
    keras.config.set_dtype_policy("float32")
    model = build(config)
    model.set_weights(weights)
    return model


def loss_and_gradients(model, inputs, scale=1.0):
    """Returns the loss, and its gradients times `scale`."""
    with tf.GradientTape() as tape:
        logits = model(inputs, training=True)["logits"]
        labels = LABELS if logits.shape.rank == 3 else LABELS[:, 0] % 3
        loss = tf.reduce_mean(
            tf.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=logits)
        )
        scaled = loss * scale
    values = [variable.value for variable in model.trainable_variables]
    gradients = tape.gradient(scaled, values, unconnected_gradients=tf.UnconnectedGradients.ZERO)
    return loss, [tf.convert_to_tensor(gradient) for gradient in gradients]


@pytest.mark.parametrize("build", BUILDERS.values(), ids=BUILDERS)
@pytest.mark.parametrize("pack_tokens", [True, False])
def test_outputs_and_a_training_step(precision, build, pack_tokens):
    config = small_config(pack_tokens=pack_tokens)
    model = randomize(build(config))
    inputs, tolerance = inputs_of(model), TOLERANCES[precision]
    found = predict(model, inputs)
    assert {value.dtype for value in found.values()} == {np.dtype("float32")}
    assert {weight.dtype for weight in model.trainable_variables} == {"float32"}
    scale = 1024.0 if precision == "mixed_float16" else 1.0
    loss, gradients = loss_and_gradients(model, inputs, scale)

    plain = in_float32(build, config, model.get_weights())
    for name, expected in predict(plain, inputs).items():
        np.testing.assert_allclose(found[name], expected, rtol=0, atol=tolerance, err_msg=name)
    expected_loss, expected_gradients = loss_and_gradients(plain, inputs)
    assert loss.numpy() == pytest.approx(expected_loss.numpy(), abs=tolerance)
    for variable, gradient, expected in zip(
        model.trainable_variables, gradients, expected_gradients, strict=True
    ):
        assert np.isfinite(gradient).all(), variable.path
        difference = np.linalg.norm(gradient / scale - expected)
        assert difference <= tolerance * np.linalg.norm(expected) + 1e-6, variable.path


def test_the_computation_is_in_the_lower_precision(precision):
    model = build_encoder(small_config())
    outputs = model(random_inputs(), training=False)
    expected = {"mixed_bfloat16": "bfloat16", "mixed_float16": "float16"}.get(precision, precision)
    assert {output.dtype.name for output in outputs.values()} == {expected}


def test_xla():
    model = randomize(masked_lm_model(small_config(pack_tokens=False, num_layers=1)))
    inputs = {name: tf.constant(value) for name, value in inputs_of(model).items()}
    expected_loss, expected_gradients = loss_and_gradients(model, inputs)
    compiled = tf.function(lambda: loss_and_gradients(model, inputs), jit_compile=True)
    loss, gradients = compiled()
    assert loss.numpy() == pytest.approx(expected_loss.numpy(), abs=1e-5)
    for variable, gradient, expected in zip(
        model.trainable_variables, gradients, expected_gradients, strict=True
    ):
        np.testing.assert_allclose(gradient, expected, rtol=0, atol=1e-5, err_msg=variable.path)


@pytest.mark.parametrize(
    ("rates", "random"),
    [
        ({}, False),
        ({"dropout": 0.5}, True),
        ({"attention_dropout": 0.5}, True),
    ],
)
def test_dropout_is_for_training_only(rates, random):
    model = randomize(build_encoder(small_config(**rates)))
    inputs = random_inputs()
    plain = predict(model, inputs)["sequence_output"]
    np.testing.assert_array_equal(predict(model, inputs)["sequence_output"], plain)
    trained = [model(inputs, training=True)["sequence_output"].numpy() for _ in range(2)]
    assert np.allclose(trained[0], plain, rtol=0, atol=1e-5) is not random
    assert np.array_equal(trained[0], trained[1]) is not random
    assert not trained[0][inputs["padding_mask"] == 0].any()

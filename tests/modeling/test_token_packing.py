"""Packing away the padding changes no number: not outputs, not gradients, not other rows."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from small_encoders import predict, random_inputs, randomize, small_config

from keras_bert_cls.modeling.encoder import build_encoder
from keras_bert_cls.modeling.models import masked_lm_model
from keras_bert_cls.modeling.token_packing import PackTokens, to_batch, to_tokens

MASK = np.array([[1, 1, 0, 1], [0, 0, 0, 0], [1, 0, 0, 0]], np.int32)


def lists(pack):
    """What PackTokens makes of MASK; token ids are 10, 11, ... and segments 0, 1, 2, 0, 1, ..."""
    token_ids = np.arange(10, 10 + MASK.size, dtype=np.int32).reshape(MASK.shape)
    return PackTokens(pack=pack)(
        token_ids=token_ids, segment_ids=token_ids % 3, padding_mask=tf.constant(MASK)
    )


def pair_of_models(build):
    packed, padded = (build(small_config(pack_tokens=pack)) for pack in (True, False))
    randomize(packed)
    padded.set_weights(packed.get_weights())
    return packed, padded


def loss_and_gradients(model, inputs):
    with tf.GradientTape() as tape:
        outputs = model(inputs, training=True)
        # Each entry of each output counts differently.
        loss = tf.add_n([_weighted_mean(outputs[name]) for name in sorted(outputs)])
    variables = model.trainable_variables
    gradients = tape.gradient(loss, [variable.value for variable in variables])
    return loss.numpy(), {
        variable.path: tf.convert_to_tensor(gradient).numpy()
        for variable, gradient in zip(variables, gradients, strict=True)
    }


def _weighted_mean(output):
    weights = np.random.default_rng(3).normal(size=output.shape)
    return tf.reduce_mean(output * tf.constant(weights, output.dtype))


def test_packed_lists():
    tokens = {name: value.numpy().tolist() for name, value in lists(pack=True).items()}
    assert tokens == {
        "token_ids": [10, 11, 13, 18],
        "segment_ids": [1, 2, 1, 0],
        "positions": [0, 1, 3, 0],
        "rows": [0, 1, 3, 8],
        "slots": [[1, 2, 0, 3], [0, 0, 0, 0], [4, 0, 0, 0]],
    }


def test_unpacked_lists():
    tokens = {name: value.numpy().tolist() for name, value in lists(pack=False).items()}
    assert tokens == {
        "token_ids": list(range(10, 22)),
        "segment_ids": [1, 2, 0] * 4,
        "positions": [0, 1, 2, 3] * 3,
        "rows": list(range(12)),
        "slots": [[1, 2, 0, 4], [0, 0, 0, 0], [9, 0, 0, 0]],
    }


@pytest.mark.parametrize("pack", [True, False])
def test_gradients_of_spreading_and_collecting(pack):
    tokens = lists(pack)
    rows, slots = tokens["rows"], tokens["slots"]
    generator = np.random.default_rng(0)
    packed = tf.constant(generator.normal(size=(len(rows), 3)))
    spread = to_batch(packed, rows, slots).numpy()
    assert not spread[MASK == 0].any()
    real = np.flatnonzero(MASK.reshape(-1)[rows.numpy()])
    np.testing.assert_array_equal(spread[MASK > 0], packed.numpy()[real])
    collected = to_tokens(tf.constant(spread), rows, slots).numpy()
    np.testing.assert_array_equal(collected[real], packed.numpy()[real])
    # An unpacked list has padding as well, whose gradients are nobody's concern: it is 0 here.
    mask = tf.constant(MASK[:, :, np.newaxis], tf.float64)
    for function, x in (
        (lambda x: to_batch(x, rows, slots), packed),
        (lambda x: to_tokens(x * mask, rows, slots), tf.constant(generator.normal(size=(3, 4, 3)))),
    ):
        in_theory, measured = tf.test.compute_gradient(function, [x])
        np.testing.assert_allclose(in_theory[0], measured[0], rtol=0, atol=1e-6)


@pytest.mark.parametrize(
    "build", [build_encoder, lambda c: masked_lm_model(c, pair_objective=True)]
)
def test_packed_equals_padded(build):
    packed, padded = pair_of_models(build)
    inputs = random_inputs((9, 16, 1, 0, 5))
    if "mask_positions" in packed.input:
        inputs["mask_positions"] = np.array([[0, 8], [3, 15], [0, 0], [0, 0], [4, 2]], np.int32)
    expected, found = predict(padded, inputs), predict(packed, inputs)
    for name, value in expected.items():
        np.testing.assert_allclose(found[name], value, rtol=0, atol=1e-6, err_msg=name)
    expected_loss, expected_gradients = loss_and_gradients(padded, inputs)
    loss, gradients = loss_and_gradients(packed, inputs)
    assert loss == pytest.approx(expected_loss, abs=1e-6)
    for path, gradient in expected_gradients.items():
        assert np.abs(gradient).max() > 1e-4, path
        np.testing.assert_allclose(gradients[path], gradient, rtol=0, atol=1e-6, err_msg=path)


@pytest.mark.parametrize("pack_tokens", [True, False])
def test_neither_padding_nor_neighbours_matter(pack_tokens):
    model = randomize(build_encoder(small_config(pack_tokens=pack_tokens)))
    lengths = (9, 16, 1, 5)
    inputs = random_inputs(lengths)
    together = predict(model, inputs)
    generator = np.random.default_rng(5)
    for row, length in enumerate(lengths):
        for padded_length in (length, 16, 24):
            alone = {}
            for name, values in inputs.items():
                rest = generator.integers(0, 3, padded_length, np.int32)
                rest[:length] = values[row, :length]
                alone[name] = rest[np.newaxis]
            alone["padding_mask"][0, length:] = 0
            found = predict(model, alone)
            np.testing.assert_allclose(
                found["sequence_output"][0, :length],
                together["sequence_output"][row, :length],
                rtol=0,
                atol=1e-6,
            )
            assert not found["sequence_output"][0, length:].any()
            np.testing.assert_allclose(
                found["pooled_output"][0], together["pooled_output"][row], rtol=0, atol=1e-6
            )


@pytest.mark.parametrize("pack_tokens", [True, False])
def test_rows_without_tokens(pack_tokens):
    model = randomize(build_encoder(small_config(pack_tokens=pack_tokens)))
    with_empty, without = random_inputs((4, 0, 7)), random_inputs((4, 0, 7))
    without = {name: values[[0, 2]] for name, values in without.items()}
    expected, found = predict(model, without), predict(model, with_empty)
    for name in expected:
        np.testing.assert_allclose(found[name][[0, 2]], expected[name], rtol=0, atol=1e-6)
    assert not found["sequence_output"][1].any()
    pooler_of_zeros = np.tanh(model.get_layer("pooler").bias.numpy())
    np.testing.assert_allclose(found["pooled_output"][1], pooler_of_zeros, rtol=0, atol=1e-6)

    only_empty = predict(model, random_inputs((0, 0)))
    assert not only_empty["sequence_output"].any()
    loss, gradients = loss_and_gradients(model, random_inputs((0, 0)))
    assert np.isfinite(loss)
    assert all(np.isfinite(gradient).all() for gradient in gradients.values())


@pytest.mark.parametrize("pack_tokens", [True, False])
def test_a_batch_of_no_rows(pack_tokens):
    config = small_config(pack_tokens=pack_tokens)
    model = masked_lm_model(config, pair_objective=True)
    inputs = {**random_inputs(()), "mask_positions": np.zeros((0, 3), np.int32)}
    found = predict(model, inputs)
    assert found["logits"].shape == (0, 3, config.vocabulary_size)
    assert found["pair_logits"].shape == (0, 2)


def test_one_graph_takes_every_shape():
    model = randomize(build_encoder(small_config()))
    specs = {name: tf.TensorSpec([None, None], tf.int32) for name in model.input}
    function = tf.function(lambda inputs: model(inputs, training=False), input_signature=[specs])
    for inputs in (random_inputs(), random_inputs((3, 8), 8), random_inputs((0,), 2)):
        expected = predict(model, inputs)
        for name, value in function(inputs).items():
            np.testing.assert_allclose(value, expected[name], rtol=0, atol=1e-6)


@pytest.mark.parametrize("pack_tokens", [True, False])
def test_the_first_token_alone_is_the_first_of_all(pack_tokens):
    """Numbers and gradients of the pooled output, computed from one token or from all."""
    encoder = randomize(build_encoder(small_config(pack_tokens=pack_tokens)))
    inputs = random_inputs((9, 16, 1, 5, 0))
    inputs["padding_mask"][3, 0] = 0  # the first token may be padding
    first_of_all = encoder.get_layer("pooler")(encoder.output["sequence_output"][:, 0, :])
    whole = keras.Model(encoder.input, first_of_all)
    weighting = np.random.default_rng(3).normal(size=(5, 16)).astype(np.float32)
    found = []
    for model in (keras.Model(encoder.input, encoder.output["pooled_output"]), whole):
        weights = [variable.value for variable in model.trainable_variables]
        with tf.GradientTape() as tape:
            pooled = model(inputs, training=False)
            loss = tf.reduce_sum(pooled * weighting)
        gradients = tape.gradient(loss, weights)
        paths = [variable.path for variable in model.trainable_variables]
        dense = {p: tf.convert_to_tensor(g).numpy() for p, g in zip(paths, gradients, strict=True)}
        found.append((pooled.numpy(), dense))
    (one, one_gradients), (all_tokens, all_gradients) = found
    np.testing.assert_allclose(one, all_tokens, rtol=0, atol=1e-6)
    assert one_gradients.keys() == all_gradients.keys()
    for path, gradient in all_gradients.items():
        np.testing.assert_allclose(one_gradients[path], gradient, rtol=0, atol=1e-5, err_msg=path)

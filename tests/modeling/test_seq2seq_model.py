"""The decoder: its numbers, what it can see, its weights, its files."""

import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf
from numpy_decoder import NumpySeq2Seq, sinusoid
from small_encoders import SMALL, predict, random_inputs, randomize, small_config
from small_seq2seq import all_inputs, small_decoder, small_model

from keras_bert_cls.errors import UserError
from keras_bert_cls.modeling.decoder_block import DecoderBlock
from keras_bert_cls.modeling.decoder_config import DecoderConfig, GenerationConfig
from keras_bert_cls.modeling.encoder import build_encoder, copy_shared_weights, encoder_config
from keras_bert_cls.modeling.positions import SinusoidalPositions
from keras_bert_cls.modeling.seq2seq import decoder_config, seq2seq_model

KINDS = [
    {},
    {"norm": "pre", "positions": "sinusoidal"},
    {"tie_embeddings": False, "positions": "sinusoidal"},
    {"norm": "pre", "num_heads": 4, "num_layers": 1},
]


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_logits_equal_float64(kind):
    model, inputs = small_model(**kind), all_inputs()
    reference = NumpySeq2Seq(model, encoder_config(model), decoder_config(model))
    expected = reference.decoder_logits(inputs, inputs["decoder_token_ids"])
    np.testing.assert_allclose(predict(model, inputs)["logits"], expected, rtol=0, atol=2e-5)


@pytest.mark.parametrize("norm", ["post", "pre"])
def test_block_equals_keras_nlps(norm):
    keras_nlp = pytest.importorskip("keras_nlp")
    block = DecoderBlock(16, 2, 24, norm=norm, dropout=0.0, attention_dropout=0.0, name="ours")
    x, memory = (np.random.default_rng(n).normal(size=(3, n, 16)).astype("float32") for n in (5, 6))
    mask = (np.arange(6) < np.array([[6], [2], [4]])).astype("int32")
    block(x, sequence_output=memory, padding_mask=mask)
    randomize(block)
    theirs = keras_nlp.layers.TransformerDecoder(
        24, 2, activation="gelu", layer_norm_epsilon=1e-12, normalize_first=norm == "pre"
    )
    call = {"encoder_sequence": memory, "encoder_padding_mask": mask, "use_causal_mask": True}
    theirs(x, **call)
    ours = {weight.path.removeprefix("ours/"): weight.numpy() for weight in block.weights}
    values = []
    for attention, fused in (("", "query_key_value"), ("memory_", "memory_key_value")):
        kernels = np.split(ours[f"{fused}/kernel"], 3 if not attention else 2, axis=-1)
        biases = np.split(ours[f"{fused}/bias"], 3 if not attention else 2)
        if attention:
            kernels = [ours["memory_query/kernel"], *kernels]
            biases = [ours["memory_query/bias"], *biases]
        for kernel, bias in zip(kernels, biases, strict=True):
            values += [kernel.reshape(16, 2, 8), bias.reshape(2, 8)]
        output = "memory_output" if attention else "attention_output"
        values += [ours[f"{output}/kernel"].reshape(2, 8, 16), ours[f"{output}/bias"]]
        norm_name = "memory_norm" if attention else "attention_norm"
        values += [ours[f"{norm_name}/gamma"], ours[f"{norm_name}/beta"]]
    for dense in ("intermediate", "output"):
        values += [ours[f"{dense}/kernel"], ours[f"{dense}/bias"]]
    values += [ours["output_norm/gamma"], ours["output_norm/beta"]]
    theirs.set_weights(values)
    expected = theirs(x, **call).numpy()
    found = block(x, sequence_output=memory, padding_mask=mask).numpy()
    np.testing.assert_allclose(found, expected, atol=2e-5)


def test_a_place_sees_what_is_before_it_and_no_more():
    model, inputs = small_model(), all_inputs()
    before = predict(model, inputs)["logits"]
    for place in range(7):
        changed = inputs["decoder_token_ids"].copy()
        changed[:, place] = (changed[:, place] + 1) % SMALL.vocabulary_size
        after = predict(model, {**inputs, "decoder_token_ids": changed})["logits"]
        np.testing.assert_array_equal(after[:, :place], before[:, :place])
        assert (abs(after[:, place:] - before[:, place:]).max(axis=-1) > 1e-3).all()


def test_the_source_is_seen_from_every_place_and_its_padding_from_none():
    model, inputs = small_model(), all_inputs()
    before = predict(model, inputs)["logits"]
    changed = inputs["token_ids"].copy()
    changed[inputs["padding_mask"] == 0] += 1
    after = predict(model, {**inputs, "token_ids": changed % SMALL.vocabulary_size})["logits"]
    np.testing.assert_array_equal(after, before)
    changed = inputs["token_ids"].copy()
    changed[:, 0] = (changed[:, 0] + 1) % SMALL.vocabulary_size
    after = predict(model, {**inputs, "token_ids": changed})["logits"]
    assert (abs(after - before).max(axis=-1) > 1e-4).all()


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_gradients_reach_every_weight(kind):
    model, inputs = small_model(**kind), all_inputs()
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(model(inputs, training=True)["logits"] ** 2)
    paths = [variable.path for variable in model.trainable_variables]
    gradients = tape.gradient(loss, [v.value for v in model.trainable_variables])
    for path, gradient in zip(paths, gradients, strict=True):
        assert gradient is not None and np.abs(tf.convert_to_tensor(gradient)).max() > 0, path


def test_weights_are_shared_with_the_encoder():
    encoder = build_encoder(SMALL)
    model = seq2seq_model(encoder, small_decoder())
    own = {weight.path for weight in model.weights} - {weight.path for weight in encoder.weights}
    assert all(path.startswith("decoder_") for path in own)
    assert model.get_layer("token_embedding") is encoder.get_layer("token_embedding")
    assert not any("token_embedding" in path for path in own)
    other = randomize(seq2seq_model(SMALL, small_decoder(num_layers=1)))
    copy_shared_weights(other, model)
    inputs = random_inputs()
    np.testing.assert_array_equal(
        predict(build_like(model), inputs)["sequence_output"],
        predict(build_like(other), inputs)["sequence_output"],
    )


def build_like(model: keras.Model) -> keras.Model:
    """Returns a bare encoder with the weights of a model's encoder."""
    encoder = build_encoder(encoder_config(model))
    copy_shared_weights(model, encoder)
    return encoder


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_configs_are_found_again(kind):
    model = small_model(**kind)
    expected = small_decoder(**{"positions": "learned", **kind})
    assert decoder_config(model) == expected
    assert encoder_config(model) == small_config(positions=kind.get("positions", "learned"))


def test_a_file_in_a_fresh_process(tmp_path):
    model, inputs = small_model(norm="pre", positions="sinusoidal"), all_inputs()
    model.save(tmp_path / "model.keras")
    np.savez(tmp_path / "inputs.npz", **inputs)
    script = f"""
import numpy, keras_bert_cls, keras
model = keras.saving.load_model({str(tmp_path / "model.keras")!r})
inputs = dict(numpy.load({str(tmp_path / "inputs.npz")!r}))
numpy.save({str(tmp_path / "logits.npy")!r}, model(inputs)["logits"].numpy())
"""
    subprocess.run([sys.executable, "-c", script], check=True, timeout=300)
    expected = predict(model, inputs)["logits"]
    np.testing.assert_allclose(np.load(tmp_path / "logits.npy"), expected, atol=1e-6)


@pytest.mark.parametrize("precision", ["mixed_bfloat16", "mixed_float16"])
def test_mixed_precision_is_near(precision):
    model, inputs = small_model(norm="pre"), all_inputs()
    policy = keras.config.dtype_policy()
    keras.config.set_dtype_policy(precision)
    try:
        half = small_model(norm="pre")
    finally:
        keras.config.set_dtype_policy(policy)
    logits = predict(half, inputs)["logits"]
    assert logits.dtype == np.float32
    np.testing.assert_allclose(logits, predict(model, inputs)["logits"], atol=0.15)


def test_sinusoids_are_the_papers_and_keras_nlps():
    layer = SinusoidalPositions(40, 16)
    found = layer(np.arange(40, dtype=np.int32)).numpy() * 4  # sqrt(16)
    np.testing.assert_allclose(found, sinusoid(40, 16), atol=1e-5)
    keras_nlp = pytest.importorskip("keras_nlp")
    theirs = keras_nlp.layers.SinePositionEncoding()(np.zeros((1, 40, 16), np.float32)).numpy()[0]
    np.testing.assert_allclose(found, theirs, atol=1e-5)


def test_validate_lists_every_problem():
    config = DecoderConfig(
        num_layers=0,
        num_heads=0,
        intermediate_dim=0,
        max_length=0,
        positions="sinus",
        norm="before",
        dropout=1.0,
        attention_dropout=-0.1,
    )
    with pytest.raises(UserError) as raised:
        seq2seq_model(SMALL, config)
    named = {line.split()[0] for line in str(raised.value).split("\n")[1:]}
    assert named == {*vars(config)} - {"tie_embeddings"}
    with pytest.raises(UserError, match="num_heads must divide the encoder's hidden_dim 16, got 3"):
        seq2seq_model(SMALL, small_decoder(num_heads=3))
    generation = GenerationConfig("beams", -1, 0, -1.0, 0.0, 0.0, -1)
    with pytest.raises(UserError) as raised:
        generation.validate(config)
    named = {line.split()[0] for line in str(raised.value).split("\n")[1:]}
    assert named == {*vars(generation)}
    with pytest.raises(UserError, match="13, but the decoder has 12 positions"):
        GenerationConfig(max_length=13).validate(small_decoder())


def test_fields_of_another_method_are_refused_or_forgotten():
    drawing = GenerationConfig("top_p", top_p=0.5, seed=3)
    assert drawing.problems() == []
    assert drawing.changed(method="greedy") == GenerationConfig()
    assert drawing.changed(temperature=2.0).seed == 3
    given = GenerationConfig().changed(beams=8, top_p=0.5)
    assert given.problems() == [
        "beams is given, but it is of method 'beam', not of 'greedy'",
        "top_p is given, but it is of method 'top_p', not of 'greedy'",
    ]

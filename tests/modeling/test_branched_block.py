"""Blocks in branches compute what blocks in one piece do."""

import keras
import numpy as np
import pytest
from numpy_bert import NumpyBert
from small_encoders import predict, random_inputs, randomize, small_config

from keras_bert_cls.modeling.branched_block import BranchedBlock, with_branches
from keras_bert_cls.modeling.document_config import DocumentConfig
from keras_bert_cls.modeling.document_encoder import document_encoder
from keras_bert_cls.modeling.encoder import build_encoder
from keras_bert_cls.modeling.models import classifier_model, masked_lm_model
from keras_bert_cls.modeling.multitask import Head, multitask_model

POSITIONS = np.array([[0, 8], [3, 15], [0, 0], [4, 2]], np.int32)


@pytest.mark.parametrize("pack_tokens", [True, False])
@pytest.mark.parametrize("activation", ["gelu", "gelu_tanh", "relu"])
@pytest.mark.parametrize("branches", [2, 4])
def test_it_is_bert(branches, activation, pack_tokens):
    config = small_config(activation=activation, pack_tokens=pack_tokens)
    model = randomize(build_encoder(config))
    inputs = random_inputs()
    found = predict(with_branches(model, branches), inputs)
    reference = NumpyBert(model, config)
    expected = reference.sequence_output(**inputs)
    real = inputs["padding_mask"] > 0
    np.testing.assert_allclose(found["sequence_output"][real], expected[real], rtol=0, atol=1e-5)
    assert not found["sequence_output"][~real].any()
    pooled = reference.pooled_output(expected)
    np.testing.assert_allclose(found["pooled_output"], pooled, rtol=0, atol=1e-5)


def test_rows_that_begin_with_padding():
    model = randomize(build_encoder(small_config()))
    inputs = random_inputs((9, 0, 5))
    inputs["padding_mask"][2, 0] = 0
    expected, found = predict(model, inputs), predict(with_branches(model, 2), inputs)
    for name, values in expected.items():
        np.testing.assert_allclose(found[name], values, rtol=0, atol=1e-5)


def document_classifier(config):
    return classifier_model(document_encoder(config, DocumentConfig(9, 2, "mean")), 3)


def two_tasks(config):
    return multitask_model(config, {"topic": Head(5), "tone": Head(1)}, masked_lm=True)


@pytest.mark.parametrize(
    "build",
    [lambda config: classifier_model(config, 3), masked_lm_model, document_classifier, two_tasks],
)
def test_models_with_heads(build):
    model = randomize(build(small_config()))
    weights = {weight.path: weight.numpy() for weight in model.weights}
    inputs = random_inputs()
    if "mask_positions" in model.input:
        inputs["mask_positions"] = POSITIONS
    branched = with_branches(model, 2)
    expected = keras.tree.flatten(model(inputs, training=False))
    found = keras.tree.flatten(branched(inputs, training=False))
    for values, those in zip(found, expected, strict=True):
        np.testing.assert_allclose(values, those, rtol=0, atol=1e-5)
    for weight in model.weights:
        np.testing.assert_array_equal(weight, weights[weight.path])
    assert branched.count_params() == model.count_params()


def test_every_block_has_branches():
    model = with_branches(build_encoder(small_config(num_layers=3)), 2)
    blocks = [layer for layer in model.layers if isinstance(layer, BranchedBlock)]
    assert [block.name for block in blocks] == ["block_0", "block_1", "block_2"]
    for block in blocks:
        assert [layer.kernel.shape for layer in block.attention[1]] == [(16, 24), (8, 16)]
        assert [layer.kernel.shape for layer in block.feed_forward[1]] == [(16, 20), (20, 16)]


def test_branches_must_divide_the_heads():
    with pytest.raises(ValueError, match="equal division"):
        with_branches(build_encoder(small_config()), 3)

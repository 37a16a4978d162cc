"""The numbers that the models compute, against independent implementations of BERT."""

import numpy as np
import pytest
from numpy_bert import NumpyBert
from small_encoders import predict, random_inputs, randomize, small_config

from keras_bert_cls.modeling.encoder import build_encoder
from keras_bert_cls.modeling.models import classifier_model, masked_lm_model


def with_a_hole(inputs):
    """Padding need not stand at the end."""
    inputs["padding_mask"][1, 4] = 0
    return inputs


@pytest.mark.parametrize("pack_tokens", [True, False])
@pytest.mark.parametrize("activation", ["gelu", "gelu_tanh", "relu"])
def test_encoder_is_bert(activation, pack_tokens):
    config = small_config(activation=activation, pack_tokens=pack_tokens)
    model = randomize(build_encoder(config))
    inputs = with_a_hole(random_inputs())
    found = predict(model, inputs)
    reference = NumpyBert(model, config)
    expected = reference.sequence_output(**inputs)
    real = inputs["padding_mask"] > 0
    np.testing.assert_allclose(found["sequence_output"][real], expected[real], rtol=0, atol=1e-5)
    assert not found["sequence_output"][~real].any()
    np.testing.assert_allclose(
        found["pooled_output"], reference.pooled_output(expected), rtol=0, atol=1e-5
    )


@pytest.mark.parametrize("pack_tokens", [True, False])
@pytest.mark.parametrize("activation", ["gelu", "gelu_tanh", "relu"])
def test_masked_lm_logits(activation, pack_tokens):
    config = small_config(activation=activation, pack_tokens=pack_tokens)
    model = randomize(masked_lm_model(config, pair_objective=True))
    inputs = with_a_hole(random_inputs())
    positions = np.array([[0, 8, 3], [15, 15, 2], [0, 0, 0], [4, 0, 1]], np.int32)
    found = predict(model, {**inputs, "mask_positions": positions})
    reference = NumpyBert(model, config)
    sequence_output = reference.sequence_output(**inputs)
    np.testing.assert_allclose(
        found["logits"],
        reference.masked_lm_logits(sequence_output, positions),
        rtol=0,
        atol=1e-5,
    )
    pooled = reference.pooled_output(sequence_output)
    np.testing.assert_allclose(
        found["pair_logits"], reference.logits(pooled, "pair_logits"), rtol=0, atol=1e-5
    )


def test_classifier_logits():
    config = small_config(layer_norm_epsilon=1e-3)
    model = randomize(classifier_model(config, 5))
    inputs = with_a_hole(random_inputs())
    found = predict(model, inputs)
    reference = NumpyBert(model, config)
    pooled = reference.pooled_output(reference.sequence_output(**inputs))
    np.testing.assert_allclose(found["pooled_output"], pooled, rtol=0, atol=1e-5)
    np.testing.assert_allclose(
        found["logits"], reference.logits(pooled, "logits"), rtol=0, atol=1e-5
    )


def test_encoder_equals_keras_nlp():
    keras_nlp = pytest.importorskip("keras_nlp")
    config = small_config(activation="gelu_tanh")  # what keras-nlp has
    model = randomize(build_encoder(config))
    theirs = keras_nlp.models.BertBackbone(
        vocabulary_size=config.vocabulary_size,
        num_layers=config.num_layers,
        num_heads=config.num_heads,
        hidden_dim=config.hidden_dim,
        intermediate_dim=config.intermediate_dim,
        dropout=0.0,
        max_sequence_length=config.max_sequence_length,
        num_segments=config.num_segments,
    )
    ours = {weight.path: weight.numpy() for weight in model.weights}
    for weight in theirs.weights:
        weight.assign(_as_in_keras_nlp(weight.path, ours).reshape(weight.shape))
    inputs = random_inputs()
    found, expected = predict(model, inputs), predict(theirs, inputs)
    real = inputs["padding_mask"] > 0
    np.testing.assert_allclose(
        found["sequence_output"][real], expected["sequence_output"][real], rtol=0, atol=1e-5
    )
    np.testing.assert_allclose(found["pooled_output"], expected["pooled_output"], rtol=0, atol=1e-5)


_KERAS_NLP_NAMES = {
    "embeddings_layer_norm": "embeddings_norm",
    "pooled_dense": "pooler",
    "attention_output": "attention_output",
    "self_attention_layer_norm": "attention_norm",
    "feedforward_intermediate_dense": "intermediate",
    "feedforward_output_dense": "output",
    "feedforward_layer_norm": "output_norm",
}


def _as_in_keras_nlp(path, ours):
    """Returns our weight for the keras-nlp weight at `path`."""
    *layers, variable = path.split("/")
    block = f"{layers[0].replace('transformer_layer', 'block')}/" if len(layers) > 1 else ""
    if layers[-1] in ("query", "key", "value"):
        parts = np.split(ours[f"{block}query_key_value/{variable}"], 3, axis=-1)
        return parts[("query", "key", "value").index(layers[-1])]
    return ours[f"{block}{_KERAS_NLP_NAMES.get(layers[-1], layers[-1])}/{variable}"]

"""Configs, weights that models share, and weights that are copied between them."""

import dataclasses
import json
import re

import keras
import numpy as np
import pytest
from small_encoders import predict, random_inputs, randomize, small_config

from keras_bert_cls.errors import UserError
from keras_bert_cls.modeling.config import EncoderConfig
from keras_bert_cls.modeling.encoder import build_encoder, copy_shared_weights, encoder_config
from keras_bert_cls.modeling.models import classifier_model, masked_lm_model

# No field has its default.
UNUSUAL = EncoderConfig(
    vocabulary_size=11,
    hidden_dim=6,
    num_layers=3,
    num_heads=2,
    intermediate_dim=7,
    max_sequence_length=9,
    num_segments=4,
    activation="relu",
    dropout=0.125,
    attention_dropout=0.25,
    layer_norm_epsilon=1e-5,
    initializer_stddev=0.5,
    positions="sinusoidal",
    pack_tokens=False,
)


def weights_of(model):
    return {weight.path: weight.numpy() for weight in model.weights}


def without_seeds(config):
    """Initializers draw a seed each when they are made; Keras counts nameless operations."""
    return re.sub(r'(?<="seed": )\d+|(?<=get_item)_\d+', "", json.dumps(config))


def test_unusual_is_unusual():
    for field in dataclasses.fields(EncoderConfig):
        assert getattr(UNUSUAL, field.name) != field.default, field.name


@pytest.mark.parametrize("config", [UNUSUAL, EncoderConfig(vocabulary_size=7, num_layers=1)])
def test_encoder_config_restores_every_field(config):
    encoder = build_encoder(config)
    for model in (encoder, masked_lm_model(encoder), classifier_model(encoder, 2)):
        assert encoder_config(model) == config
        rebuilt = build_encoder(encoder_config(model))
        assert without_seeds(rebuilt.get_config()) == without_seeds(encoder.get_config())


def test_sizes_of_the_weights():
    config = EncoderConfig(
        vocabulary_size=1000, hidden_dim=32, num_layers=2, num_heads=4, intermediate_dim=64
    )
    hidden, inner = 32, 64
    block = 4 * (hidden * hidden + hidden) + 2 * hidden * inner + inner + hidden + 4 * hidden
    embeddings = (1000 + 512 + 2) * hidden + 2 * hidden
    assert build_encoder(config).count_params() == (
        embeddings + 2 * block + hidden * hidden + hidden
    )


def test_initial_weights():
    keras.utils.set_random_seed(0)
    config = EncoderConfig(
        vocabulary_size=3000,
        hidden_dim=64,
        num_layers=1,
        num_segments=32,  # enough values for their deviation to say something
        initializer_stddev=0.1,
    )
    encoder = build_encoder(config)
    models = (masked_lm_model(encoder), classifier_model(encoder, 50))
    for path, value in {**weights_of(models[0]), **weights_of(models[1])}.items():
        name = path.rsplit("/", 1)[1]
        if name in ("bias", "beta"):
            assert not value.any(), path
        elif name == "gamma":
            assert (value == 1).all(), path
        else:
            # Keras cuts its truncated normal off at two standard deviations, which narrows it.
            assert abs(value).max() <= 0.2 and 0.08 < value.std() < 0.1, path
    kernels = [value for path, value in weights_of(encoder).items() if "embeddings" in path]
    assert len({value.ravel()[:9].tobytes() for value in kernels}) == len(kernels)


def test_validate_lists_every_problem():
    config = EncoderConfig(
        vocabulary_size=0,
        hidden_dim=0,
        num_layers=-1,
        num_heads=0,
        intermediate_dim=0,
        max_sequence_length=0,
        num_segments=0,
        activation="gelu_tan",
        dropout=1.0,
        attention_dropout=-0.1,
        layer_norm_epsilon=0.0,
        initializer_stddev=float("nan"),
        positions="sinus",
    )
    with pytest.raises(UserError) as raised:
        config.validate()
    lines = str(raised.value).split("\n")
    named = [line.split()[0] for line in lines[1:]]
    numbers = {f.name for f in dataclasses.fields(EncoderConfig)} - {"pack_tokens"}
    assert set(named) == numbers and len(named) == len(numbers)
    assert any("Did you mean 'gelu_tanh'?" in line for line in lines)
    with pytest.raises(UserError, match="multiple of num_heads, got 10 and 4"):
        EncoderConfig(vocabulary_size=5, hidden_dim=10, num_heads=4).validate()
    with pytest.raises(UserError, match="vocabulary_size must be at least 1"):
        build_encoder(EncoderConfig())
    assert not EncoderConfig().problems()  # a run takes the size from the vocabulary


def test_models_on_one_encoder_share_its_weights():
    encoder = build_encoder(small_config())
    masked_lm, classifier = masked_lm_model(encoder), classifier_model(encoder, 3)
    inputs = random_inputs()
    before = predict(classifier, inputs)["pooled_output"]
    randomize(masked_lm, seed=4)
    after = predict(classifier, inputs)["pooled_output"]
    assert abs(after - before).max() > 1e-2
    np.testing.assert_array_equal(after, predict(encoder, inputs)["pooled_output"])
    shared = {id(weight) for weight in masked_lm.weights} & {id(w) for w in classifier.weights}
    assert len(shared) == len(encoder.weights) - 2  # a masked LM without pairs has no pooler


def test_classifiers_need_a_label():
    with pytest.raises(ValueError, match="num_labels must be at least 1, got 0"):
        classifier_model(small_config(), 0)


def test_copying_from_masked_lm_to_classifier():
    source = randomize(masked_lm_model(small_config()), seed=1)
    target = randomize(classifier_model(small_config(dropout=0.3, activation="relu"), 3), seed=2)
    before, there = weights_of(target), weights_of(source)
    copy_shared_weights(source, target)
    for path, value in weights_of(target).items():
        own = path.startswith(("pooler/", "logits/"))
        np.testing.assert_array_equal(value, before[path] if own else there[path], err_msg=path)


@pytest.mark.parametrize(
    ("labels", "copied"), [(3, True), (4, False)], ids=["same head", "other head"]
)
def test_heads_are_copied_where_they_are_alike(labels, copied):
    source = randomize(classifier_model(small_config(), 3), seed=1)
    target = randomize(classifier_model(small_config(), labels), seed=2)
    before, there = weights_of(target), weights_of(source)
    copy_shared_weights(source, target)
    for path, value in weights_of(target).items():
        own = path.startswith("logits/") and not copied
        np.testing.assert_array_equal(value, before[path] if own else there[path], err_msg=path)


def test_pooler_and_pair_head_are_copied():
    source = randomize(masked_lm_model(small_config(), pair_objective=True), seed=1)
    target = randomize(masked_lm_model(small_config(), pair_objective=True), seed=2)
    copy_shared_weights(source, target)
    there = weights_of(source)
    for path, value in weights_of(target).items():
        np.testing.assert_array_equal(value, there[path], err_msg=path)


def test_frozen_weights_are_copied_too():
    source = randomize(masked_lm_model(small_config()), seed=1)
    target = randomize(classifier_model(small_config(), 3), seed=2)
    source.get_layer("token_embedding").trainable = False
    target.get_layer("block_0").trainable = False
    copy_shared_weights(source, target)
    there = weights_of(source)
    for path, value in weights_of(target).items():
        if not path.startswith(("pooler/", "logits/")):
            np.testing.assert_array_equal(value, there[path], err_msg=path)


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"vocabulary_size": 51}, "token_embedding"),
        ({"max_sequence_length": 25}, "position_embedding"),
        ({"num_segments": 2}, "segment_embedding"),
        ({"num_layers": 3}, "block_2"),
        ({"intermediate_dim": 41}, "block_0/intermediate"),
    ],
)
def test_an_encoder_of_another_size_is_refused(changes, path):
    source = randomize(build_encoder(small_config()), seed=1)
    target = randomize(classifier_model(small_config(**changes), 3), seed=2)
    before = weights_of(target)
    with pytest.raises(ValueError, match=f"the source model has no weight {path}"):
        copy_shared_weights(source, target)
    # Nothing is copied then: half of an encoder is of no use.
    for path, value in weights_of(target).items():
        np.testing.assert_array_equal(value, before[path], err_msg=path)


def test_reloaded_models_have_the_same_paths(tmp_path):
    model = masked_lm_model(small_config())
    model.save(tmp_path / "model.keras")
    keras.backend.clear_session()
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    copy_shared_weights(loaded, classifier_model(small_config(), 2))

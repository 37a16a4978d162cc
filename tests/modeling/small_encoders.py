"""Small models with random weights in every place, and inputs for them."""

import dataclasses

import keras
import numpy as np

from keras_bert_cls.modeling.config import EncoderConfig

SMALL = EncoderConfig(
    vocabulary_size=50,
    hidden_dim=16,
    num_layers=2,
    num_heads=4,
    intermediate_dim=40,
    max_sequence_length=24,
    num_segments=3,
    dropout=0.0,
    attention_dropout=0.0,
)


def small_config(**changes) -> EncoderConfig:
    return dataclasses.replace(SMALL, **changes)


def randomize(model: keras.Model, seed: int = 0) -> keras.Model:
    """Gives each weight random values, biases and norms included, as zeros and ones hide faults."""
    generator = np.random.default_rng(seed)
    for weight in model.weights:
        around = 1.0 if weight.name == "gamma" else 0.0
        weight.assign(generator.normal(around, 0.2, weight.shape))
    return model


def random_inputs(lengths=(9, 16, 1, 5), length: int = 16, seed: int = 1) -> dict[str, np.ndarray]:
    """Inputs of an encoder: rows of `lengths` tokens; what stands at padding is random as well."""
    generator = np.random.default_rng(seed)
    shape = (len(lengths), length)
    mask = np.arange(length) < np.array(lengths, int)[:, np.newaxis]
    return {
        "token_ids": generator.integers(0, SMALL.vocabulary_size, shape, np.int32),
        "segment_ids": generator.integers(0, SMALL.num_segments, shape, np.int32),
        "padding_mask": mask.astype(np.int32),
    }


def predict(model: keras.Model, inputs: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    return {name: value.numpy() for name, value in model(inputs, training=False).items()}

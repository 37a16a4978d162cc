"""Random weights for tiny models."""

import keras
import numpy as np


def draw_weights(model: keras.Model, seed: int) -> None:
    """Sets every weight, as Keras's own values depend on what ran before in the process."""
    generator = np.random.default_rng(seed)
    for weight in model.weights:
        weight.assign(generator.normal(weight.name == "gamma", 0.5, weight.shape))

"""Trains with lazy embeddings on one device and, in pieces, on two.

In a process of its own: devices are set before TensorFlow starts. Prints the largest difference of
a weight.
"""

import json

import numpy as np
import tensorflow as tf
from test_loop import DECAY, batches, iterator, largest_difference, toy_model, weights

from keras_bert_cls.training.adamw import AdamW
from keras_bert_cls.training.loop import TrainingLoop
from keras_bert_cls.training.objectives import SingleLabelObjective

UPDATES = 6


def few_words() -> dict[str, np.ndarray]:
    """Returns batches of few words, so that in each some rows of the table are missing."""
    data = batches(UPDATES)
    words = data["token_ids"] % 3 + np.arange(UPDATES)[:, np.newaxis, np.newaxis]
    return {**data, "token_ids": (words * data["padding_mask"]).astype(np.int32)}


def train(strategy: tf.distribute.Strategy, pieces: int = 1) -> list[np.ndarray]:
    """Returns the weights after some updates with dropout and clipping."""
    with strategy.scope():
        model = toy_model(0.2)
        variables = model.trainable_variables
        optimizer = AdamW(variables, [DECAY] * len(variables), lazy=True)
    loop = TrainingLoop(
        strategy,
        model,
        optimizer,
        SingleLabelObjective(),
        lambda step: tf.constant(0.02),
        clip_norm=0.05,
        accumulation=pieces,
    )
    loop.run(iterator(few_words()), UPDATES)
    return weights(model)


def main() -> None:
    (cpu,) = tf.config.list_physical_devices("CPU")
    devices = [tf.config.LogicalDeviceConfiguration()] * 2
    tf.config.set_logical_device_configuration(cpu, devices)
    one = tf.distribute.OneDeviceStrategy("CPU:0")
    two = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
    print(json.dumps(largest_difference(train(one), train(two, pieces=2))))


if __name__ == "__main__":
    main()

"""Trains a model with an AdaptiveSoftmax on one device and on two, and prints how they differ.

In a process of its own: devices are set before TensorFlow starts. Prints JSON: the largest
difference of a weight after some updates, and of the losses, from the same model that trains on the
full log-probabilities.
"""

import json

import keras
import numpy as np
import tensorflow as tf

from keras_bert_cls.modeling.adaptive_softmax import AdaptiveSoftmax
from keras_bert_cls.training.adamw import AdamW
from keras_bert_cls.training.loop import TrainingLoop
from keras_bert_cls.training.objectives import Objective
from keras_bert_cls.training.parameter_rules import ParameterRule

ROWS, LENGTH, WORDS, LABELS, STEPS = 16, 6, 30, 40, 6


class _Objective(Objective):
    """The layer's own loss, or the one that `log_prob` gives."""

    has_accuracy = True

    def __init__(self, layer: AdaptiveSoftmax, full: bool):
        self._layer, self._full = layer, full

    def weights(self, batch):
        return {"label": batch["sample_weight"]}

    def losses(self, outputs, batch):
        if self._full:
            return {"label": -tf.gather(outputs["logits"], batch["target"], batch_dims=1)}
        return {"label": self._layer.loss(outputs["hidden"], batch["target"])}

    def correct(self, outputs, batch):
        hits = self._layer.predict(outputs["hidden"]) == batch["target"]
        return {"label": tf.cast(hits, tf.float32)}


def _model() -> keras.Model:
    keras.utils.set_random_seed(0)
    names = ("token_ids", "segment_ids", "padding_mask")
    inputs = {name: keras.Input((None,), dtype="int32", name=name) for name in names}
    x = keras.layers.Embedding(WORDS, 16)(inputs["token_ids"])
    x = keras.layers.Dense(16, "tanh")(keras.layers.GlobalAveragePooling1D()(x))
    order = np.random.default_rng(1).permutation(LABELS)
    layer = AdaptiveSoftmax(LABELS, [5, 20], 2.0, True, label_order=order, name="adaptive")
    return keras.Model(inputs, {"hidden": x, "logits": layer(x)})


def _batches():
    random = np.random.default_rng(5)
    shape = (STEPS, ROWS, LENGTH)
    data = {
        "token_ids": random.integers(0, WORDS, shape, np.int32),
        "segment_ids": np.zeros(shape, np.int32),
        "padding_mask": np.ones(shape, np.int32),
        "sample_weight": random.uniform(0, 2, shape[:2]).astype(np.float32),
        "target": (LABELS * random.uniform(size=shape[:2]) ** 3).astype(np.int32),
    }
    return iter(tf.data.Dataset.from_tensor_slices(data))


def _train(strategy: tf.distribute.Strategy, full: bool, accumulation: int = 1):
    """Returns the weights after the updates, and the report of the loop."""
    with strategy.scope():
        model = _model()
        variables = model.trainable_variables
        optimizer = AdamW(variables, [ParameterRule("", 1.0, 0.01)] * len(variables))
    loop = TrainingLoop(
        strategy,
        model,
        optimizer,
        _Objective(model.get_layer("adaptive"), full),
        lambda step: tf.constant(0.01),
        accumulation=accumulation,
        clip_norm=0.5,
    )
    report = loop.run(_batches(), STEPS)
    return [variable.numpy() for variable in variables], report


def main() -> None:
    (cpu,) = tf.config.list_physical_devices("CPU")
    devices = [tf.config.LogicalDeviceConfiguration()] * 2
    tf.config.set_logical_device_configuration(cpu, devices)
    one = tf.distribute.OneDeviceStrategy("CPU:0")
    expected, wanted = _train(one, full=True)
    runs = {
        "one device": _train(one, full=False),
        "accumulation": _train(one, full=False, accumulation=4),
        "mirrored": _train(tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"]), full=False),
    }
    found = {}
    for name, (weights, report) in runs.items():
        differences = [np.abs(a - b).max() for a, b in zip(weights, expected, strict=True)]
        found[name] = {
            "weights": float(max(differences)),
            "losses": float(np.abs(report.losses - wanted.losses).max()),
            "correct": report.sums["label_correct"] - wanted.sums["label_correct"],
        }
    print(json.dumps({"first loss": float(wanted.losses[0]), **found}))


if __name__ == "__main__":
    main()

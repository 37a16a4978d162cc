"""A few updates of a few weights under a tf.distribute strategy, with checkpoints.

Of one of them, a table, only two rows change in an update.

    python strategy_run.py STRATEGY FOLDER STEPS

with STRATEGY default, mirrored (two CPU devices) or multi_worker (TF_CONFIG says which worker).
Restores, goes on to STEPS and saves on its way; the first worker saves. Prints the digests of all
values after each step, for each replica of this process.
"""

import hashlib
import json
import os
import pathlib
import sys

import keras
import numpy as np
import tensorflow as tf

from keras_bert_cls.training.adamw import AdamW
from keras_bert_cls.training.checkpoints import Checkpoints, Progress
from keras_bert_cls.training.parameter_rules import ParameterRule
from keras_bert_cls.training.row_gradients import summed_over_replicas

SHAPES = {"kernel": (64, 32), "bias": (32,), "gamma": (), "table": (6, 4)}


class StrategyRun:
    """Weights, moments and a step under a strategy."""

    def __init__(self, strategy: tf.distribute.Strategy, folder: str | os.PathLike):
        self.strategy = strategy
        random = np.random.default_rng(0)
        with strategy.scope():
            weights = [
                keras.Variable(random.normal(size=shape).astype(np.float32), name=name)
                for name, shape in SHAPES.items()
            ]
            self.optimizer = AdamW(weights, [ParameterRule("", 1.0, 0.1)] * len(weights), lazy=True)
            self.step = tf.Variable(0, dtype=tf.int64, trainable=False)
            self.half = tf.Variable(tf.ones([3], tf.float16), trainable=False)
        values = {weight.path: weight.value for weight in weights}
        self.state = {"weights": values, "moments": self.optimizer.state}
        self.state |= {"step": self.step, "half": self.half}
        self.checkpoints = Checkpoints(folder, self.state)
        self._update = tf.function(self._all_update)

    def run(self, steps: int, saves: bool = True) -> dict[int, list[str]]:
        """Goes on to `steps`; returns the digests of the replicas by step, the restored one too."""
        progress = self.checkpoints.restore_newest() or Progress()
        digests = {progress.step: self.digests()}
        for step in range(progress.step, steps):
            self._update()
            digests[step + 1] = self.digests()
            if saves:
                self.checkpoints.save(Progress(step + 1))
        self.checkpoints.close()
        return digests

    def _all_update(self):
        self.strategy.run(self._replica_update)
        self.step.assign_add(1)
        self.half.assign(self.half * 1.25)

    def _replica_update(self):
        context = tf.distribute.get_replica_context()
        factor = tf.cast(self.step + 1, tf.float32) / context.num_replicas_in_sync
        gradients = [tf.sin(weight.value * 10) * factor for weight in self.optimizer.variables]
        drawn = tf.random.stateless_uniform([2], [0, self.step], 0, 3, tf.int64)
        some = drawn + tf.constant([0, 3], tf.int64)
        shape = tf.constant(SHAPES["table"], tf.int64)
        gradients[-1] = tf.IndexedSlices(tf.gather(gradients[-1], some), some, shape)
        gradients = summed_over_replicas(gradients, as_rows=True)
        self.optimizer.apply(gradients, tf.constant(0.01), self.step + 1)

    def digests(self) -> list[str]:
        """Returns the digest of all values, for each replica of this process."""
        ran = self.strategy.run(lambda: tf.constant(0))
        digests = [hashlib.sha256() for _ in self.strategy.experimental_local_results(ran)]
        for variable in tf.nest.flatten(self.state):
            copies = self.strategy.experimental_local_results(variable)
            for digest, copy in zip(digests, copies, strict=True):
                digest.update(copy.numpy().tobytes())
        return [digest.hexdigest() for digest in digests]


def main(name: str, folder: str, steps: str) -> None:
    """Runs in a process of its own: devices are set before TensorFlow starts."""
    if name == "mirrored":
        (cpu,) = tf.config.list_physical_devices("CPU")
        devices = [tf.config.LogicalDeviceConfiguration()] * 2
        tf.config.set_logical_device_configuration(cpu, devices)
        strategy: tf.distribute.Strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
    elif name == "multi_worker":
        strategy = tf.distribute.MultiWorkerMirroredStrategy()
    else:
        strategy = tf.distribute.get_strategy()
    worker = json.loads(os.environ.get("TF_CONFIG", "{}")).get("task", {}).get("index", 0)
    run = StrategyRun(strategy, pathlib.Path(folder))
    print(json.dumps(run.run(int(steps), saves=worker == 0)))


if __name__ == "__main__":
    main(*sys.argv[1:])

"""The constants of CostModel, which chooses the cutoffs of an adaptive softmax, on this machine.

  python -m benchmarks.adaptive_softmax_cost

Times a training step with AdamW of clusters of many sizes and fits the terms of the model to the
processor time over the number of cores, so that other programs on the machine disturb less. Prints
JSON: the constants, and the median relative error of the fit.
"""

import itertools
import json
import os
import statistics

import numpy as np
from absl import flags

from benchmarks.adaptive_softmax import BATCHES, timed, training_step
from keras_bert_cls.cli.program import Program

program = Program("benchmarks.adaptive_softmax_cost", __doc__)
flags.DEFINE_integer("hidden", 256, "Width of the hidden states.", 1, flag_values=program.flags)

_NAMES = ("constant", "per_product", "per_logit", "per_weight")


def _run(_) -> None:
    random, hidden = np.random.default_rng(0), program.flags.hidden
    terms, seconds = [], []
    sizes = itertools.product((1_000, 10_000, 100_000), (4, 16, 64, 256), (8, 64, 512))
    for outputs, width, rows in sizes:
        step = _cluster_step(random, outputs, width, rows)
        step(0)
        worked = [timed(step, number)[1] for number in range(3)]
        weights = (outputs + hidden) * width
        terms.append([1, rows * weights, rows * outputs, weights])
        seconds.append(statistics.median(worked) / len(os.sched_getaffinity(0)))
    print(json.dumps(_fit(np.array(terms, float), np.array(seconds))))


def _fit(terms: np.ndarray, seconds: np.ndarray) -> dict[str, float]:
    """Minimises relative errors; a term that comes out negative is dropped."""
    relative = terms / seconds[:, np.newaxis]
    relative /= (scale := relative.max(axis=0))
    used = list(range(len(_NAMES)))
    while True:
        fit = np.linalg.lstsq(relative[:, used], np.ones(len(relative)), rcond=None)[0]
        if (fit >= 0).all():
            break
        used.pop(int(fit.argmin()))
    constants = dict.fromkeys(_NAMES, 0.0)
    for index, value in zip(used, fit, strict=True):
        constants[_NAMES[index]] = float(value / scale[index])
    return {**constants, "median_error": float(np.median(np.abs(relative[:, used] @ fit - 1)))}


def _cluster_step(random: np.random.Generator, outputs: int, width: int, rows: int):
    """Returns a training step of one cluster alone."""
    import keras
    import tensorflow as tf

    hidden = program.flags.hidden
    narrow = keras.layers.Dense(width, use_bias=False)
    wide = keras.layers.Dense(outputs, use_bias=False)
    layer = keras.Sequential([keras.Input((hidden,)), narrow, wide])

    def loss(some, labels):
        return tf.nn.sparse_softmax_cross_entropy_with_logits(labels, layer(some))

    states = tf.constant(random.normal(size=(BATCHES, rows, hidden)), tf.float32)
    targets = tf.constant(random.integers(0, outputs, (BATCHES, rows)), tf.int32)
    return training_step(layer, loss, states, targets, update=True)


def main(argv=None) -> int:
    """Runs the program; returns the exit code."""
    return program.run(_run, argv)


if __name__ == "__main__":
    raise SystemExit(main())

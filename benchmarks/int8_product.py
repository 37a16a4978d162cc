"""Would products of int8 matrices make serving faster? One dense layer in float32, bfloat16, int8.

  python -m benchmarks.int8_product

The layer is a block's widest, hidden x 4 hidden, with constant weights. In int8 its input, whose
range is known at the call only, is quantized at each call; the product is TensorFlow's op that
oneDNN computes. One thread; processor time. "error" is the largest difference from float64, as a
share of the largest result.
"""

import os
import statistics
from collections.abc import Iterator

import numpy as np
from absl import flags

from benchmarks.benchmark import Benchmark
from benchmarks.contender import thread_variables
from benchmarks.peers.timed_batches import timed_calls

benchmark = Benchmark("int8_product", __doc__, texts=False)
_FLAGS = benchmark.program.flags
flags.DEFINE_list("tokens", ["22", "736"], "Rows of the product.", flag_values=_FLAGS)
flags.DEFINE_integer("hidden", 384, "Width of the input.", 1, flag_values=_FLAGS)
_CALLS = 30  # of a round


def _measure() -> Iterator[dict]:
    os.environ.update(thread_variables(1))  # before TensorFlow is imported
    import tensorflow as tf

    random, hidden = np.random.default_rng(0), _FLAGS.hidden
    weights = random.normal(0, 0.05, (hidden, 4 * hidden)).astype(np.float32)
    layers = {"fp32": _dense(weights, tf.float32), "bf16": _dense(weights, tf.bfloat16)}
    layers["int8"] = _quantized(weights)
    for tokens in map(int, _FLAGS.tokens):
        x = tf.constant(random.normal(size=(tokens, hidden)), tf.float32)
        inputs = {name: tf.cast(x, tf.bfloat16 if name == "bf16" else x.dtype) for name in layers}
        exact = x.numpy().astype(float) @ weights.astype(float)
        errors, seconds = {}, {name: [] for name in layers}
        for name, layer in layers.items():
            answers = tf.cast(layer(inputs[name]), tf.float64).numpy()
            errors[name] = float(np.abs(answers - exact).max() / np.abs(exact).max())
        for _ in range(benchmark.rounds):
            for name, layer in layers.items():
                found = timed_calls(layer, [inputs[name]] * _CALLS)["processor_seconds"]
                seconds[name].append(statistics.median(found))
        yield {
            "product": f"{tokens} x {hidden} x {4 * hidden}",
            **{f"{name} ms": 1e3 * statistics.median(found) for name, found in seconds.items()},
            **{f"{name} error": f"{error:.1e}" for name, error in errors.items()},
        }


def _dense(weights: np.ndarray, dtype):
    import tensorflow as tf

    constant = tf.constant(weights, dtype)
    return tf.function(lambda x: tf.matmul(x, constant))


def _quantized(weights: np.ndarray):
    """Returns the layer in int8: inputs by their range, weights by the largest."""
    import tensorflow as tf

    most = np.abs(weights).max()
    rounded = tf.bitcast(tf.constant(np.round(weights / most * 127), tf.int8), tf.qint8)
    no_bias = tf.bitcast(tf.zeros(weights.shape[1], tf.int32), tf.qint32)
    sums = tf.constant(np.round(weights / most * 127).sum(axis=0))

    @tf.function
    def layer(x):
        low, high = tf.reduce_min(x), tf.reduce_max(x)
        x, low, high = tf.quantization.quantize(x, low, high, tf.quint8, mode="MIN_FIRST")
        product, _, _ = tf.raw_ops.QuantizedMatMulWithBias(
            a=x,
            b=rounded,
            bias=no_bias,
            min_a=low,
            max_a=high,
            min_b=-most,
            max_b=most,
            Toutput=tf.qint32,
            input_quant_mode="MIN_FIRST",
        )
        # q stands for (q + first) * step.
        step = (high - low) / 255
        first = tf.round(low / step)
        counted = tf.cast(tf.bitcast(product, tf.int32), tf.float32) + first * sums
        return counted * (step * most / 127)

    return layer


def main(argv: list[str] | None = None) -> int:
    """Runs the program."""
    return benchmark.run(_measure, argv)


if __name__ == "__main__":
    raise SystemExit(main())

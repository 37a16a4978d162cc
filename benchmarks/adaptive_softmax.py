"""The adaptive softmax against the full one: time and memory of a training step.

  python -m benchmarks.adaptive_softmax
  python -m benchmarks.adaptive_softmax --outputs=250000 --optimizer=none
  python -m benchmarks.adaptive_softmax --outputs=1000000   # takes minutes and 8 GB

A step is the loss of a batch of random hidden states, its gradients by them and by all weights of
the head, and an update of the weights by our AdamW, or none. Targets are drawn by Zipf's law as
words are, p = 1 / (rank + 2.7), and labels are shuffled, so that the adaptive softmax looks up
ranks as it must on real data. Steps of the two go in turns in one process: what else the machine
does meets both; the processor time of all threads is told beside the time that passes. Memory is
measured in a process for each, on Linux: the highest resident size until a step is made, less that
before the head was.
"""

import pathlib
import re
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator

import numpy as np
from absl import flags

from benchmarks.benchmark import Benchmark

benchmark = Benchmark("adaptive_softmax", __doc__, texts=False)
_FLAGS = benchmark.program.flags
flags.DEFINE_list("outputs", ["30000", "250000"], "Numbers of labels.", flag_values=_FLAGS)
flags.DEFINE_integer("batch", 512, "Rows of a batch.", 1, flag_values=_FLAGS)
flags.DEFINE_integer("hidden", 256, "Width of the hidden states.", 1, flag_values=_FLAGS)
flags.DEFINE_integer("clusters", 3, "Clusters beside the shortlist.", 1, flag_values=_FLAGS)
flags.DEFINE_float("div_value", 4.0, "See AdaptiveSoftmax.", flag_values=_FLAGS)
flags.DEFINE_enum(
    "optimizer", "adamw", ["adamw", "none"], "Whether steps update.", flag_values=_FLAGS
)
flags.DEFINE_enum(
    "memory_of",
    None,
    ["full", "adaptive"],
    "Tell the memory of one head alone, in MB; for processes of its own.",
    flag_values=_FLAGS,
)

BATCHES = 8
_KINDS = ("full", "adaptive")


def _measure() -> Iterator[dict]:
    for outputs in map(int, _FLAGS.outputs):
        yield _compare(outputs)


def _compare(outputs: int) -> dict:
    """Times steps of both in turns, and measures their memory."""
    memory = {kind: _memory_in_a_process(kind, outputs) for kind in _KINDS}
    steps = {kind: _make_step(kind, outputs) for kind in _KINDS}
    times: dict[str, list[tuple[float, float]]] = {kind: [] for kind in _KINDS}
    for step in steps.values():
        step(0)  # traces
    for number in range(benchmark.rounds):
        for kind, step in steps.items():
            times[kind].append(timed(step, number))
    passed, worked = (
        {kind: [pair[which] for pair in pairs] for kind, pairs in times.items()} for which in (0, 1)
    )
    faster, by_processor = (
        [a / b for a, b in zip(one["full"], one["adaptive"], strict=True)]
        for one in (passed, worked)
    )
    return {
        "outputs": outputs,
        "cutoffs": ", ".join(f"{cutoff:,}" for cutoff in _cutoffs(outputs)),
        "full ms": 1e3 * statistics.median(passed["full"]),
        "adaptive ms": 1e3 * statistics.median(passed["adaptive"]),
        "times faster": statistics.median(faster),
        "least to most": [min(faster), max(faster)],
        "by processor time": statistics.median(by_processor),
        "full MB": memory["full"],
        "adaptive MB": memory["adaptive"],
        "times less": memory["full"] / memory["adaptive"],
    }


def timed(step: Callable[[int], object], number: int) -> tuple[float, float]:
    """Returns the seconds of a step: that passed, and of all threads."""
    begun, worked = time.perf_counter(), time.process_time()
    step(number)
    return time.perf_counter() - begun, time.process_time() - worked


def _memory_in_a_process(kind: str, outputs: int) -> float:
    command = [sys.executable, "-m", "benchmarks.adaptive_softmax"]
    command += [f"--memory_of={kind}", f"--outputs={outputs}"]
    for name in ("batch", "hidden", "clusters", "div_value", "optimizer"):
        command.append(f"--{name}={_FLAGS[name].value}")
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return float(done.stdout.splitlines()[-1])


def _tell_memory(_: list[str]) -> None:
    print(_peak_megabytes(_FLAGS.memory_of, int(_FLAGS.outputs[0])))


def _peak_megabytes(kind: str, outputs: int) -> float:
    _make_step("adaptive", 100 * _FLAGS.clusters)(0)  # TensorFlow's own start
    before = _resident_megabytes("VmRSS")
    pathlib.Path("/proc/self/clear_refs").write_text("5")  # forgets the highest size so far
    step = _make_step(kind, outputs)
    step(0)
    return _resident_megabytes("VmHWM") - before


def _resident_megabytes(field: str) -> float:
    (line,) = re.findall(rf"{field}:\s+(\d+) kB", pathlib.Path("/proc/self/status").read_text())
    return int(line) / 1024


def _counts(outputs: int) -> np.ndarray:
    return 1 / (np.arange(outputs) + 2.7)


def _cutoffs(outputs: int) -> tuple[int, ...]:
    from keras_bert_cls.modeling.adaptive_cutoffs import adaptive_cutoffs

    settings = _FLAGS
    return adaptive_cutoffs(
        _counts(outputs),
        settings.hidden,
        settings.div_value,
        settings.clusters,
        batch_size=settings.batch,
    )


def _make_step(kind: str, outputs: int) -> Callable[[int], object]:
    """Returns a function that makes one training step with the batch of a number."""
    import keras
    import tensorflow as tf

    from keras_bert_cls.modeling.adaptive_softmax import AdaptiveSoftmax

    random = np.random.default_rng(0)
    order = random.permutation(outputs)
    shares = _counts(outputs) / _counts(outputs).sum()
    shape = (BATCHES, _FLAGS.batch)
    targets = tf.constant(order[random.choice(outputs, shape, p=shares)], tf.int32)
    hidden = tf.constant(random.normal(size=(*shape, _FLAGS.hidden)), tf.float32)
    if kind == "full":
        layer = keras.layers.Dense(outputs)

        def loss(rows, labels):
            return tf.nn.sparse_softmax_cross_entropy_with_logits(labels, layer(rows))
    else:
        layer = AdaptiveSoftmax(outputs, _cutoffs(outputs), _FLAGS.div_value, label_order=order)
        loss = layer.loss
    layer.build((None, _FLAGS.hidden))
    return training_step(layer, loss, hidden, targets, _FLAGS.optimizer == "adamw")


def training_step(layer, loss, hidden, targets, update: bool) -> Callable[[int], object]:
    """Returns a function that makes one training step with the batch of a number.

    Args:
      layer: the head.
      loss: from hidden states and labels to a loss each.
      hidden: float32 [BATCHES, rows, hidden].
      targets: int32 [BATCHES, rows].
      update: whether AdamW updates the weights.
    """
    import tensorflow as tf

    from keras_bert_cls.training.adamw import AdamW
    from keras_bert_cls.training.parameter_rules import ParameterRule

    variables = layer.trainable_variables
    optimizer = None
    if update:
        optimizer = AdamW(variables, [ParameterRule("", 1.0, 0.01)] * len(variables))

    @tf.function(autograph=False, reduce_retracing=True)
    def step(rows, labels):
        with tf.GradientTape() as tape:
            tape.watch(rows)
            mean = tf.reduce_mean(loss(rows, labels))
        by_rows, *gradients = tape.gradient(mean, [rows, *(v.value for v in variables)])
        if optimizer is not None:
            optimizer.apply(gradients, tf.constant(1e-3), tf.constant(1, tf.int64))
            return mean, by_rows
        # A number of each, so that none is left out of the graph.
        return mean, by_rows, [gradient[0] for gradient in gradients]

    def run(number: int):
        index = number % BATCHES
        return step(hidden[index], targets[index])[0].numpy()

    return run


def main(argv=None) -> int:
    """Runs the program; returns the exit code."""
    arguments = sys.argv[1:] if argv is None else argv
    if any(argument.startswith("--memory_of") for argument in arguments):
        return benchmark.program.run(_tell_memory, argv)
    return benchmark.run(_measure, argv)


if __name__ == "__main__":
    raise SystemExit(main())

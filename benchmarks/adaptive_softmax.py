"""The adaptive softmax against the full one: time and memory of a training step.

  python -m benchmarks.adaptive_softmax
  python -m benchmarks.adaptive_softmax --outputs=250000 --optimizer=none

A step is the loss of a batch of random hidden states, its gradients by them and by all weights of
the head, and an update of the weights by our AdamW, or none. Targets are drawn by Zipf's law as
words are, p = 1 / (rank + 2.7), and labels are shuffled, so that the adaptive softmax looks up
ranks as it must on real data. Steps of the two go in turns in one process: what else the machine
does meets both; the processor time of all threads is told beside the time that passes. Memory is
measured in a process for each, on Linux: the highest resident size until a step is made, less that
before the head was. Prints a table and, as the last line, JSON.
"""

import json
import pathlib
import re
import statistics
import subprocess
import sys
import time
from collections.abc import Callable

import numpy as np
from absl import flags

from keras_bert_cls.cli.program import Program

program = Program("benchmarks.adaptive_softmax", __doc__)
flags.DEFINE_list(
    "outputs", ["30000", "250000", "1000000"], "Numbers of labels.", flag_values=program.flags
)
flags.DEFINE_integer("batch", 512, "Rows of a batch.", 1, flag_values=program.flags)
flags.DEFINE_integer("hidden", 256, "Width of the hidden states.", 1, flag_values=program.flags)
flags.DEFINE_integer("clusters", 3, "Clusters beside the shortlist.", 1, flag_values=program.flags)
flags.DEFINE_float("div_value", 4.0, "See AdaptiveSoftmax.", flag_values=program.flags)
flags.DEFINE_integer("rounds", 7, "Timed steps of each.", 1, flag_values=program.flags)
flags.DEFINE_enum(
    "optimizer", "adamw", ["adamw", "none"], "Whether steps update.", flag_values=program.flags
)
flags.DEFINE_enum(
    "memory_of", None, ["full", "adaptive"], "For processes of its own.", flag_values=program.flags
)

BATCHES = 8
_KINDS = ("full", "adaptive")
_COLUMNS = (
    "outputs",
    "cutoffs",
    "full ms",
    "adaptive ms",
    "times faster",
    "least to most",
    "by processor time",
    "full MB",
    "adaptive MB",
    "times less",
)


def _run(_) -> None:
    sizes = [int(size) for size in program.flags.outputs]
    if program.flags.memory_of:
        print(json.dumps(_peak_megabytes(program.flags.memory_of, sizes[0])))
    else:
        print(f"| {' | '.join(_COLUMNS)} |\n|{'---|' * len(_COLUMNS)}", flush=True)
        results = []
        for size in sizes:
            results.append(_compare(size))
            print(f"| {' | '.join(_cells(results[-1]))} |", flush=True)
        names = ("batch", "hidden", "div_value", "optimizer", "rounds")
        settings = {name: program.flags[name].value for name in names}
        print(json.dumps({**settings, "results": results}))


def _cells(result: dict) -> list[str]:
    ratios = result["ratios"]
    return [
        f"{result['outputs']:,}",
        ", ".join(f"{cutoff:,}" for cutoff in result["cutoffs"]),
        f"{result['full_ms']:,.1f}",
        f"{result['adaptive_ms']:,.1f}",
        f"{statistics.median(ratios):.1f}",
        f"{min(ratios):.1f} to {max(ratios):.1f}",
        f"{result['processor_ratio']:.1f}",
        f"{result['full_mb']:,.0f}",
        f"{result['adaptive_mb']:,.0f}",
        f"{result['full_mb'] / result['adaptive_mb']:.1f}",
    ]


def _compare(outputs: int) -> dict:
    """Times steps of both in turns, and measures their memory."""
    memory = {f"{kind}_mb": _memory_in_a_process(kind, outputs) for kind in _KINDS}
    steps = {kind: _make_step(kind, outputs) for kind in _KINDS}
    times: dict[str, list[tuple[float, float]]] = {kind: [] for kind in _KINDS}
    for step in steps.values():
        step(0)  # traces
    for number in range(program.flags.rounds):
        for kind, step in steps.items():
            times[kind].append(timed(step, number))
    passed, worked = (
        np.array([[pair[which] for pair in times[kind]] for kind in _KINDS]) for which in (0, 1)
    )
    medians = dict(zip(("full_ms", "adaptive_ms"), np.median(passed, axis=1) * 1e3, strict=True))
    return {
        "outputs": outputs,
        "cutoffs": _cutoffs(outputs),
        **medians,
        "ratios": (passed[0] / passed[1]).tolist(),
        "processor_ratio": float(np.median(worked[0] / worked[1])),
        **memory,
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
        command.append(f"--{name}={program.flags[name].value}")
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return float(done.stdout.splitlines()[-1])


def _peak_megabytes(kind: str, outputs: int) -> float:
    _make_step("adaptive", 100 * program.flags.clusters)(0)  # TensorFlow's own start
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

    settings = program.flags
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
    shape = (BATCHES, program.flags.batch)
    targets = tf.constant(order[random.choice(outputs, shape, p=shares)], tf.int32)
    hidden = tf.constant(random.normal(size=(*shape, program.flags.hidden)), tf.float32)
    if kind == "full":
        layer = keras.layers.Dense(outputs)

        def loss(rows, labels):
            return tf.nn.sparse_softmax_cross_entropy_with_logits(labels, layer(rows))
    else:
        layer = AdaptiveSoftmax(
            outputs, _cutoffs(outputs), program.flags.div_value, label_order=order
        )
        loss = layer.loss
    layer.build((None, program.flags.hidden))
    return training_step(layer, loss, hidden, targets, program.flags.optimizer == "adamw")


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
    return program.run(_run, argv)


if __name__ == "__main__":
    raise SystemExit(main())

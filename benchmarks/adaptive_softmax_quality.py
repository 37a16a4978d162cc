"""The adaptive softmax against the full one: perplexity on real text, and the speed of answers.

  python -m benchmarks.adaptive_softmax_quality --text simplewiki_part.txt.xz

A language model predicts each word from the two before it and the two after it (their embeddings
side by side, one hidden layer), once with a full softmax and once with each set of cutoffs: same
words, same steps, same batches, same first weights below the head, Adam with the rate falling to 0.
The vocabulary is the most frequent words of the text, the rest is one word more; perplexity is that
of the last words of the text, which are held out. At last the trained models answer for 125 of
their places: the most probable word, and ten. Prints a table and, as the last line, JSON.
"""

import collections
import itertools
import json
import re
import statistics
import time

import numpy as np
from absl import flags

from keras_bert_cls.cli.program import Program

program = Program("benchmarks.adaptive_softmax_quality", __doc__)
flags.DEFINE_string("text", None, "A text file.", required=True, flag_values=program.flags)
flags.DEFINE_integer("lines", 100_000, "Lines of it to read.", 1, flag_values=program.flags)
flags.DEFINE_integer("outputs", 30_000, "Words that are told apart.", 2, flag_values=program.flags)
flags.DEFINE_integer("hidden", 256, "Width of the hidden states.", 1, flag_values=program.flags)
flags.DEFINE_integer("steps", 1000, "Training steps.", 1, flag_values=program.flags)
flags.DEFINE_integer("batch", 512, "Words of a batch.", 1, flag_values=program.flags)
flags.DEFINE_float("learning_rate", 2e-3, "At the beginning.", flag_values=program.flags)
flags.DEFINE_float("div_value", 4.0, "See AdaptiveSoftmax.", flag_values=program.flags)
flags.DEFINE_multi_string(
    "cutoffs",
    ["auto"],
    "Such as 2000,10000; auto: by the cost model. Repeat to try several.",
    flag_values=program.flags,
)
flags.DEFINE_integer("seed", 0, "Of weights and batches.", flag_values=program.flags)

_EMBEDDING, _HELD_OUT = 128, 50_000
_NEIGHBOURS = np.array([-2, -1, 1, 2])


def _run(_) -> None:
    words, counts = _read_words()
    print("| softmax | weights | training s | perplexity | to full | predict ms | top 10 ms |")
    print(f"|{'---|' * 7}", flush=True)
    results: list[dict] = []
    for cutoffs in (None, *(_parse(cutoffs, counts) for cutoffs in program.flags.cutoffs)):
        result = _measure(words, cutoffs, counts)
        results.append(result)
        print(
            f"| {result['softmax']} | {result['weights']:,} | {result['seconds']:,.0f} | "
            f"{result['perplexity']:.2f} | "
            f"{result['perplexity'] / results[0]['perplexity'] - 1:+.2%} | "
            f"{result['predict_ms']:.1f} | {result['top_10_ms']:.1f} |",
            flush=True,
        )
    names = ("lines", "outputs", "hidden", "steps", "batch", "learning_rate", "div_value", "seed")
    settings = {name: program.flags[name].value for name in names}
    print(json.dumps({**settings, "words": len(words), "results": results}))


def _parse(cutoffs: str, counts: np.ndarray) -> tuple[int, ...]:
    from keras_bert_cls.modeling.adaptive_cutoffs import adaptive_cutoffs

    if cutoffs != "auto":
        return tuple(int(cutoff) for cutoff in cutoffs.split(","))
    settings = program.flags
    return adaptive_cutoffs(counts, settings.hidden, settings.div_value, batch_size=settings.batch)


def _read_words() -> tuple[np.ndarray, np.ndarray]:
    """Returns the words as numbers, most frequent first, and how often each number occurs."""
    from keras_bert_cls.data.documents import iterate_documents

    lines = itertools.chain.from_iterable(
        document.lines for document in iterate_documents([program.flags.text])
    )
    found = []
    for line in itertools.islice(lines, program.flags.lines):
        found += re.findall(r"\w+|[^\w\s]", line.lower())
    kept = collections.Counter(found).most_common(program.flags.outputs - 1)
    number = {word: index for index, (word, _) in enumerate(kept)}
    words = np.array([number.get(word, len(kept)) for word in found], np.int32)
    return words, np.bincount(words, minlength=program.flags.outputs)


def _measure(words: np.ndarray, cutoffs: tuple[int, ...] | None, counts: np.ndarray) -> dict:
    """Trains a model and judges it; cutoffs None is the full softmax."""
    import keras

    keras.utils.set_random_seed(program.flags.seed)
    outputs = program.flags.outputs
    body = keras.Sequential(
        [
            keras.layers.Embedding(outputs, _EMBEDDING),
            keras.layers.Flatten(),
            keras.layers.Dense(program.flags.hidden, "gelu"),
            keras.layers.LayerNormalization(),
        ]
    )
    body.build((None, len(_NEIGHBOURS)))
    head, loss = _head(cutoffs, counts)
    # The vocabulary was counted on all lines; the last words are held out.
    held_out = np.arange(len(words) - _HELD_OUT - 2, len(words) - 2)
    seconds = _train(words[: held_out[0] - 2], body, head, loss)
    losses = []
    for places in np.array_split(held_out, _HELD_OUT // 500):
        losses.append(loss(body(words[places[:, np.newaxis] + _NEIGHBOURS]), words[places]).numpy())
    answers = _answer_times(head, body(words[held_out[::400, np.newaxis] + _NEIGHBOURS]))
    return {
        "softmax": "full" if cutoffs is None else ", ".join(f"{cutoff:,}" for cutoff in cutoffs),
        "weights": head.count_params() - (0 if cutoffs is None else 2 * outputs),
        "seconds": seconds,
        "perplexity": float(np.exp(np.mean(np.concatenate(losses)))),
        **answers,
    }


def _head(cutoffs: tuple[int, ...] | None, counts: np.ndarray):
    """Returns a layer, and its loss from hidden states and words."""
    import keras
    import tensorflow as tf

    from keras_bert_cls.modeling.adaptive_cutoffs import frequency_order
    from keras_bert_cls.modeling.adaptive_softmax import AdaptiveSoftmax

    layer: keras.layers.Layer
    if cutoffs is None:
        layer = keras.layers.Dense(len(counts))

        def loss(hidden, target):
            return tf.nn.sparse_softmax_cross_entropy_with_logits(target, layer(hidden))
    else:
        # "One word more" is frequent, so the words are not quite in order.
        order = frequency_order(counts)
        layer = AdaptiveSoftmax(
            len(counts), cutoffs, program.flags.div_value, True, label_order=order
        )
        loss = layer.loss
    layer.build((None, program.flags.hidden))
    return layer, loss


def _train(words: np.ndarray, body, head, loss) -> float:
    """Trains on random places; returns the seconds."""
    import keras
    import tensorflow as tf

    steps = program.flags.steps
    variables = [*body.trainable_variables, *head.trainable_variables]
    schedule = keras.optimizers.schedules.PolynomialDecay(program.flags.learning_rate, steps, 0.0)
    optimizer = keras.optimizers.Adam(schedule)
    optimizer.build(variables)

    @tf.function(autograph=False)
    def step(neighbours, target):
        with tf.GradientTape() as tape:
            mean = tf.reduce_mean(loss(body(neighbours), target))
        optimizer.apply(tape.gradient(mean, [v.value for v in variables]), variables)
        return mean

    random = np.random.default_rng(program.flags.seed)
    begun = time.perf_counter()
    for _ in range(steps):
        places = random.integers(2, len(words) - 2, program.flags.batch)
        step(tf.constant(words[places[:, np.newaxis] + _NEIGHBOURS]), tf.constant(words[places]))
    return time.perf_counter() - begun


def _answer_times(head, hidden) -> dict[str, float]:
    """Returns the milliseconds in which the head answers for the rows, the median of 9."""
    import tensorflow as tf

    from keras_bert_cls.modeling.adaptive_softmax import AdaptiveSoftmax

    if isinstance(head, AdaptiveSoftmax):
        answers = {"predict_ms": head.predict, "top_10_ms": lambda rows: head.top_k(rows, 10)}
    else:
        answers = {
            "predict_ms": lambda rows: tf.argmax(head(rows), axis=1),
            "top_10_ms": lambda rows: tf.math.top_k(tf.nn.softmax(head(rows)), 10),
        }
    medians = {}
    for name, answer in answers.items():
        function, times = tf.function(answer, autograph=False), []
        for _ in range(10):
            begun = time.perf_counter()
            tf.nest.map_structure(lambda found: found.numpy(), function(hidden))
            times.append(1e3 * (time.perf_counter() - begun))
        medians[name] = statistics.median(times[1:])
    return medians


def main(argv=None) -> int:
    """Runs the program; returns the exit code."""
    return program.run(_run, argv)


if __name__ == "__main__":
    raise SystemExit(main())

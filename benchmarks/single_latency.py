"""One text at a time, raw text to label, ours beside the peers: p50 and p99 in process.

  python -m benchmarks.single_latency

As benchmarks.batch_inference, with batches of one row; the percentiles are of all texts and rounds.
"""

from collections.abc import Iterator

import numpy as np
from absl import flags

from benchmarks import classifiers
from benchmarks.benchmark import Benchmark, clock_of, define_threads
from benchmarks.interleaved import ratio
from benchmarks.models import model_files
from benchmarks.texts import SENTENCES, load_texts

benchmark = Benchmark("single_latency", __doc__)
_FLAGS = benchmark.program.flags
define_threads(benchmark)
flags.DEFINE_string("size", "6x384", "The model: blocks x width.", flag_values=_FLAGS)
flags.DEFINE_list("contenders", list(classifiers.NAMES), "Who takes part.", flag_values=_FLAGS)
flags.DEFINE_list("sets", [], "Beginnings of the names of sets; all if none.", flag_values=_FLAGS)
flags.DEFINE_integer("texts", 40, "Texts of a round.", 2, flag_values=_FLAGS)


def _measure() -> Iterator[dict]:
    for texts in load_texts(benchmark.source, benchmark.output, _FLAGS.texts, SENTENCES):
        if benchmark.source and _FLAGS.sets and not texts.name.startswith(tuple(_FLAGS.sets)):
            continue
        files = model_files(benchmark.output, _FLAGS.size, texts.vocabulary)
        python = benchmark.peer_python()
        with classifiers.started(_FLAGS.contenders, files, python, _FLAGS.threads) as contenders:
            different = classifiers.differences(contenders, texts.rows)
            batches = [[row] for row in texts.rows]
            seconds = classifiers.interleaved_seconds(
                contenders, batches, benchmark.rounds, clock_of(benchmark)
            )
        medians = {name: np.median(rounds, axis=1).tolist() for name, rounds in seconds.items()}
        for name, rounds in seconds.items():
            p50, p99 = np.percentile(rounds, [50, 99]) * 1e3
            compared = ratio(medians[name], medians["ours fp32"])
            yield {
                "texts": texts.name,
                "contender": name,
                "p50 ms": float(p50),
                "p99 ms": float(p99),
                "p50 / ours fp32": [compared.low, compared.median, compared.high],
                "difference": different[name],
            }


def main(argv: list[str] | None = None) -> int:
    """Runs the program."""
    return benchmark.run(_measure, argv)


if __name__ == "__main__":
    raise SystemExit(main())

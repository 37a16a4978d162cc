"""From raw texts to labels in batches, ours beside the peers: rows per second.

  python -m benchmarks.batch_inference --sizes=6x384 --rows=1,8,32,256

Everyone has the same model, takes the same rows as they stand, and pads a batch to its longest row
(keras-nlp: to 128 tokens, as its users must choose one length). Each runs in a process of its own
with its default threads, and all take turns. That they compute the same is checked first. The
peers' environment is made in OUTPUT/peer, or is that of $BENCHMARK_PEER_PYTHON.
"""

import statistics
from collections.abc import Iterator

from absl import flags

from benchmarks import classifiers
from benchmarks.benchmark import Benchmark, clock_of, define_threads
from benchmarks.interleaved import ratio
from benchmarks.models import model_files
from benchmarks.texts import SENTENCES, load_texts

benchmark = Benchmark("batch_inference", __doc__)
_FLAGS = benchmark.program.flags
define_threads(benchmark)
flags.DEFINE_list("sizes", ["6x384"], "Models: blocks x width.", flag_values=_FLAGS)
flags.DEFINE_list("rows", ["1", "8", "32", "256"], "Rows of a batch.", flag_values=_FLAGS)
flags.DEFINE_list(
    "contenders", list(classifiers.FOR_BATCHES), "Who takes part.", flag_values=_FLAGS
)
flags.DEFINE_list("sets", [], "Beginnings of the names of sets; all if none.", flag_values=_FLAGS)
flags.DEFINE_integer("max_rows", 256, "Rows a round, at most.", 1, flag_values=_FLAGS)


def _measure() -> Iterator[dict]:
    for size in _FLAGS.sizes:
        for texts in load_texts(benchmark.source, benchmark.output, 2000, SENTENCES):
            every = not benchmark.source or not _FLAGS.sets
            if every or texts.name.startswith(tuple(_FLAGS.sets)):
                yield from _measure_set(size, texts)


def _measure_set(size, texts) -> Iterator[dict]:
    files = model_files(benchmark.output, size, texts.vocabulary)
    python = benchmark.peer_python()
    with classifiers.started(_FLAGS.contenders, files, python, _FLAGS.threads) as contenders:
        different = classifiers.differences(contenders, texts.rows[:16])
        for rows in map(int, _FLAGS.rows):
            count = max(rows, min(rows * 16, _FLAGS.max_rows))
            some = texts.rows[:count]
            batches = [some[start : start + rows] for start in range(0, len(some), rows)]
            seconds = classifiers.interleaved_seconds(
                contenders, batches, benchmark.rounds, clock_of(benchmark)
            )
            totals = {name: [sum(round_) for round_ in found] for name, found in seconds.items()}
            for name, total in totals.items():
                compared = ratio(total, totals["ours fp32"])
                yield {
                    "model": size,
                    "texts": texts.name,
                    "rows": rows,
                    "contender": name,
                    "rows/s": len(some) / statistics.median(total),
                    "time / ours fp32": [compared.low, compared.median, compared.high],
                    "difference": different[name],
                }


def main(argv: list[str] | None = None) -> int:
    """Runs the program."""
    return benchmark.run(_measure, argv)


if __name__ == "__main__":
    raise SystemExit(main())

"""How our cost grows: with a text's length, the rows of a batch, and the size of the model.

  python -m benchmarks.scaling

One thing changes at a time, from 8 rows of 64 tokens in a model of 6 blocks x 384. Tokens are made
up; times are medians of the export's tokens signature, which takes ids, in this process.
"""

import statistics
import time
from collections.abc import Iterator

import numpy as np
from absl import flags

from benchmarks.benchmark import Benchmark
from benchmarks.models import model_files
from benchmarks.texts import load_texts

benchmark = Benchmark("scaling", __doc__)
_FLAGS = benchmark.program.flags
flags.DEFINE_list("lengths", ["16", "32", "64", "128", "256", "512"], "Tokens.", flag_values=_FLAGS)
flags.DEFINE_list("rows", ["1", "8", "32", "128"], "Rows of a batch.", flag_values=_FLAGS)
flags.DEFINE_list(
    "sizes", ["2x128", "4x256", "6x384", "12x768"], "Blocks x width.", flag_values=_FLAGS
)
_SIZE, _LENGTH, _ROWS = "6x384", 64, 8


def _measure() -> Iterator[dict]:
    for size in _FLAGS.sizes:
        yield from _measure_model(size, [("model size", _ROWS, _LENGTH)])
    lengths = [("length", _ROWS, int(length)) for length in _FLAGS.lengths]
    rows = [("rows", int(rows), _LENGTH) for rows in _FLAGS.rows]
    yield from _measure_model(_SIZE, [*lengths, *rows])


def _measure_model(size: str, cases: list[tuple[str, int, int]]) -> Iterator[dict]:
    from keras_bert_cls.export.session import SavedModelSession

    vocabulary = load_texts(benchmark.source, benchmark.output, 1)[-1].vocabulary
    files = model_files(benchmark.output, size, vocabulary)
    sessions = [SavedModelSession(files.exports / version) for version in ("1", "2")]
    random = np.random.default_rng(0)
    for what, rows, length in cases:
        token_ids = random.integers(5, 4000, (rows, length), dtype=np.int32)
        inputs = {
            "token_ids": token_ids,
            "segment_ids": np.zeros_like(token_ids),
            "padding_mask": np.ones_like(token_ids),
        }
        seconds: list[list[float]] = [[], []]
        for number in range(-2, benchmark.rounds):
            for took, session in zip(seconds, sessions, strict=True):
                started = time.perf_counter()
                session.call("tokens", inputs)
                if number >= 0:
                    took.append(time.perf_counter() - started)
        fp32, bf16 = (statistics.median(took) for took in seconds)
        yield {
            "changes": what,
            "model": size,
            "rows": rows,
            "tokens": length,
            "fp32 ms": fp32 * 1e3,
            "fp32 tokens/s": rows * length / fp32,
            "bf16 ms": bf16 * 1e3,
            "bf16 / fp32": bf16 / fp32,
        }
    for session in sessions:
        session.close()


def main(argv: list[str] | None = None) -> int:
    """Runs the program."""
    return benchmark.run(_measure, argv)


if __name__ == "__main__":
    raise SystemExit(main())

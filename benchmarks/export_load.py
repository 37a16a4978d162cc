"""Loading a model for answers, ours beside the peers: seconds, memory, bytes on disk.

  python -m benchmarks.export_load

Each is loaded in fresh processes that take turns, and answers one text. The seconds are from the
process's start to that answer, with the import of the libraries; memory is the resident size then.
"""

import pathlib
import statistics
import time
from collections.abc import Iterator

from absl import flags

from benchmarks import classifiers
from benchmarks.benchmark import Benchmark
from benchmarks.models import model_files
from benchmarks.texts import load_texts

benchmark = Benchmark("export_load", __doc__)
_FLAGS = benchmark.program.flags
flags.DEFINE_string("size", "6x384", "The model: blocks x width.", flag_values=_FLAGS)
flags.DEFINE_list(
    "contenders",
    [name for name in classifiers.NAMES if name != "PyTorch compiled"],
    "Who takes part.",
    flag_values=_FLAGS,
)


def _measure() -> Iterator[dict]:
    texts = load_texts(benchmark.source, benchmark.output, 1)[-1]
    files = model_files(benchmark.output, _FLAGS.size, texts.vocabulary)
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in _FLAGS.contenders}
    for _ in range(benchmark.rounds):
        for name, results in found.items():
            started = time.perf_counter()
            with classifiers.started([name], files, benchmark.peer_python()) as contenders:
                contenders[name].ask("predict", batches=[texts.rows])
                seconds = time.perf_counter() - started
                results.append((seconds, contenders[name].resident_megabytes()))
    for name, results in found.items():
        yield {
            "contender": name,
            "seconds to the first answer": statistics.median(seconds for seconds, _ in results),
            "resident MB": statistics.median(megabytes for _, megabytes in results),
            "MB on disk": _megabytes(classifiers.path_of(name, files)),
        }


def _megabytes(path: pathlib.Path) -> float:
    parts = [path] if path.is_file() else [part for part in path.rglob("*") if part.is_file()]
    return sum(part.stat().st_size for part in parts) / 1e6


def main(argv: list[str] | None = None) -> int:
    """Runs the program."""
    return benchmark.run(_measure, argv)


if __name__ == "__main__":
    raise SystemExit(main())

"""What each of our levers does for the speed: the same work with and without it, in turns.

  python -m benchmarks.levers
  python -m benchmarks.levers --cases=training --levers='packing'

Each way is a process of its own, with the same weights and real texts; where precision is the same
so are the answers, which is checked. "one text" and "32 texts" are raw text to probabilities,
through an export; "training" is an update with 32 rows, which lazy embeddings make otherwise, and
for the lever of masked LMs one of a masked LM of that size. Times are those that pass; the last
column is the same ratio by the processor time of all threads, which other programs disturb less.
"""

import contextlib
import dataclasses
import pathlib
import statistics
from collections.abc import Iterator

import numpy as np
from absl import flags

from benchmarks.benchmark import Benchmark
from benchmarks.contender import Contender, thread_variables
from benchmarks.interleaved import ratio
from benchmarks.models import ModelFiles, model_files
from benchmarks.texts import load_texts

benchmark = Benchmark("levers", __doc__)
_FLAGS = benchmark.program.flags

_MODEL, _TRAINING = "benchmarks.lever_model", "benchmarks.our_training"
_CALLER = {"TF_ONEDNN_THREADPOOL_USE_CALLER_THREAD": "1"}


@dataclasses.dataclass(frozen=True)
class Way:
    """One way of doing the work.

    Attributes:
      export: of `lever_model.EXPORTS`; "" for training.
      options: of the worker's `load`.
      environment: of its process.
    """

    export: str
    options: dict[str, object] = dataclasses.field(default_factory=dict)
    environment: dict[str, str] = dataclasses.field(default_factory=dict)


EXPORTED = {
    "fp32": Way("float32"),
    "fp32, oneDNN on the caller": Way("float32", environment=_CALLER),
    "fp32, ops on a pool": Way("float32", {"inter_op_threads": 0}),
    "fp32, a thread an op": Way("float32", {"intra_op_threads": 1}),
    "fp32, spread rows": Way("float32", {"intra_op_threads": 1, "spread_rows": True}),
    "fp32, branches": Way("branches", {"intra_op_threads": 1, "inter_op_threads": 2}),
    "fp32, padded": Way("padded"),
    "fp32, whole last block": Way("whole_last_block"),
    "fp32, constants": Way("float32_constants"),
    "bf16": Way("bfloat16"),
    "bf16, spread rows": Way("bfloat16", {"intra_op_threads": 1, "spread_rows": True}),
    "bf16, variables": Way("bfloat16_variables"),
}
TRAINED = {
    "fp32": Way(""),
    "fp32, oneDNN on the caller": Way("", environment=_CALLER),
    "fp32, padded": Way("", {"pack_tokens": False}),
    "fp32, whole last block": Way("", {"whole_last_block": True}),
    "fp32, stock gradients": Way("", {"stock_gradients": True}),
    "fp32, lazy embeddings": Way("", {"lazy_embeddings": True}),
    "masked LM": Way("", {"masked_lm": True}),
    "masked LM, whole last block": Way("", {"masked_lm": True, "whole_last_block": True}),
    "bf16": Way("", {"precision": "mixed_bfloat16"}),
    "bf16, stock gradients": Way("", {"precision": "mixed_bfloat16", "stock_gradients": True}),
    "bf16, lazy embeddings": Way("", {"precision": "mixed_bfloat16", "lazy_embeddings": True}),
}
# Lever -> the way without it, and the way with it.
LEVERS = {
    "oneDNN on the calling thread": ("fp32", "fp32, oneDNN on the caller"),
    "session's ops on the calling thread": ("fp32, ops on a pool", "fp32"),
    "ops that share no threads": ("fp32", "fp32, a thread an op"),
    "rows spread over CPUs": ("fp32, a thread an op", "fp32, spread rows"),
    "bf16: both": ("bf16", "bf16, spread rows"),
    "branches": ("fp32, a thread an op", "fp32, branches"),
    "packing": ("fp32, padded", "fp32"),
    "first token only in the last block": ("fp32, whole last block", "fp32"),
    "masked tokens only in the last block": ("masked LM, whole last block", "masked LM"),
    "gradients of gelu, norms, dropout": ("fp32, stock gradients", "fp32"),
    "bf16: gradients of gelu, norms, dropout": ("bf16, stock gradients", "bf16"),
    "lazy embeddings": ("fp32", "fp32, lazy embeddings"),
    "bf16": ("fp32", "bf16"),
    "bf16: lazy embeddings": ("bf16", "bf16, lazy embeddings"),
    "bf16: weights as constants": ("bf16, variables", "bf16"),
    "fp32: weights as constants": ("fp32", "fp32, constants"),
}
_CASES = ("one text", "32 texts", "training")
_ROWS = 32
_LIMIT, _HALF_PRECISION_LIMIT = 1e-4, 5e-2

flags.DEFINE_string("size", "6x384", "The model: blocks x width.", flag_values=_FLAGS)
flags.DEFINE_list("cases", list(_CASES), "What to do.", flag_values=_FLAGS)
flags.DEFINE_list("levers", list(LEVERS), "Levers; commas separate them.", flag_values=_FLAGS)
flags.DEFINE_integer("texts", 20, "Of a round with one text a time.", 1, flag_values=_FLAGS)
flags.DEFINE_integer(
    "threads", 0, "Of an operation; 0 leaves it to TensorFlow.", 0, flag_values=_FLAGS
)


def _measure() -> Iterator[dict]:
    texts = load_texts(benchmark.source, benchmark.output, 10 * _ROWS)
    chosen = next((one for one in texts if one.name.startswith("en (SST-2)")), texts[0])
    files = model_files(benchmark.output, _FLAGS.size, chosen.vocabulary)
    singles = [[row] for row in chosen.rows[: _FLAGS.texts]]
    if exported := [case for case in _CASES[:2] if case in _FLAGS.cases]:
        with Contender(_MODEL, files.folder / "lever exports.log") as worker:
            worker.ask("export", run=str(files.run), folder=str(files.folder / "levers"))
        with _started(EXPORTED, files) as workers:
            _check_answers(workers, chosen.rows[:_ROWS])
            for case in exported:
                batches = singles if case == "one text" else [chosen.rows[:_ROWS]]
                yield from _measure_case(case, workers, "predict", batches=batches)
    if "training" in _FLAGS.cases:
        rows = chosen.rows[:_ROWS]
        batch = [rows, [number % 10 for number in range(len(rows))]]
        with _started(TRAINED, files) as workers:
            yield from _measure_case("training", workers, "train", batches=[batch], max_length=0)


@contextlib.contextmanager
def _started(ways: dict[str, Way], files: ModelFiles) -> Iterator[dict[str, Contender]]:
    """Starts the ways that the levers need."""
    needed = {name for lever in _FLAGS.levers for name in LEVERS[lever]} | {"fp32"}
    with contextlib.ExitStack() as stack:
        workers = {}
        for name in (name for name in ways if name in needed):
            way = ways[name]
            log = files.folder / f"lever {name}.log"
            environment = {**thread_variables(_FLAGS.threads), **way.environment}
            module = _MODEL if way.export else _TRAINING
            one = Contender(module, log, environment=environment)
            workers[name] = stack.enter_context(one)
            one.ask("load", folder=str(_folder(files, way)), **way.options)
        yield workers


def _folder(files: ModelFiles, way: Way) -> pathlib.Path:
    return files.folder / "levers" / way.export / "1" if way.export else files.run


def _check_answers(workers: dict[str, Contender], rows: list[str]) -> None:
    found = {
        name: np.array(one.ask("predict", batches=[rows], answers=True)["probabilities"])
        for name, one in workers.items()
    }
    for name, answers in found.items():
        limit = _HALF_PRECISION_LIMIT if name.startswith("bf16") else _LIMIT
        if (difference := np.abs(answers - found["fp32"]).max()) > limit:
            raise RuntimeError(f"{name} answers otherwise than fp32, by {difference:.2g}")


def _measure_case(
    case: str, workers: dict[str, Contender], action: str, **arguments: object
) -> Iterator[dict]:
    """Lets all do the work in turns; yields a row for each lever that matters in this case."""
    times: dict[str, dict[str, list[float]]] = {
        name: {"seconds": [], "processor_seconds": []} for name in workers
    }
    for number in range(-2, benchmark.rounds):
        for name, one in workers.items():
            found = one.ask(action, **arguments)
            for clock, rounds in times[name].items():
                if number >= 0:
                    rounds.append(statistics.median(found[clock]))
    for lever in _FLAGS.levers:
        before, after = (times.get(name) for name in LEVERS[lever])
        if before is None or after is None:
            continue
        passed = ratio(after["seconds"], before["seconds"])
        worked = ratio(after["processor_seconds"], before["processor_seconds"])
        yield {
            "lever": lever,
            "case": case,
            "before ms": 1e3 * statistics.median(before["seconds"]),
            "after ms": 1e3 * statistics.median(after["seconds"]),
            "after / before": [passed.low, passed.median, passed.high],
            "by processor time": [worked.low, worked.median, worked.high],
        }


def main(argv: list[str] | None = None) -> int:
    """Runs the program."""
    return benchmark.run(_measure, argv)


if __name__ == "__main__":
    raise SystemExit(main())

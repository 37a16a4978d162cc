"""Updates of a classifier, ours beside the peers: examples per second on real lengths.

  python -m benchmarks.training_step

Everyone starts from the same weights (their loss on the first batch, without dropout, is compared),
takes the same batches, has AdamW, clipping at norm 1 and dropout 0.1. Ours and PyTorch pad a batch
to its longest row, keras-nlp every one to the longest row of all, as it must choose one length.
Rows are tokenized before. Labels are made up: no time depends on them.
"""

import statistics
import sys
from collections.abc import Iterator

from absl import flags

from benchmarks.benchmark import Benchmark, clock_of, define_threads
from benchmarks.contender import Contender, thread_variables
from benchmarks.interleaved import ratio
from benchmarks.models import model_files
from benchmarks.texts import SENTENCES, load_texts

benchmark = Benchmark("training_step", __doc__)
_FLAGS = benchmark.program.flags
define_threads(benchmark)
flags.DEFINE_string("size", "6x384", "The model: blocks x width.", flag_values=_FLAGS)
flags.DEFINE_integer("rows", 32, "Rows of a batch.", 1, flag_values=_FLAGS)
flags.DEFINE_integer("batches", 3, "Batches of a round.", 1, flag_values=_FLAGS)
flags.DEFINE_list("sets", [], "Beginnings of the names of sets; all if none.", flag_values=_FLAGS)

_CONTENDERS = {
    "ours fp32": ("benchmarks.our_training", "run", "float32"),
    "ours bf16": ("benchmarks.our_training", "run", "mixed_bfloat16"),
    "PyTorch fp32": ("benchmarks.peers.torch_training", "huggingface", "float32"),
    "PyTorch bf16": ("benchmarks.peers.torch_training", "huggingface", "bfloat16"),
    "keras-nlp": ("benchmarks.peers.keras_nlp_training", "keras_nlp", "float32"),
}
flags.DEFINE_list("contenders", list(_CONTENDERS), "Who takes part.", flag_values=_FLAGS)
_LIMIT, _HALF_PRECISION_LIMIT = 1e-4, 2e-2


def _measure() -> Iterator[dict]:
    rows, count = _FLAGS.rows, _FLAGS.rows * _FLAGS.batches
    for texts in load_texts(benchmark.source, benchmark.output, count, SENTENCES):
        if benchmark.source and _FLAGS.sets and not texts.name.startswith(tuple(_FLAGS.sets)):
            continue
        some = texts.rows
        batches = [
            (
                some[start : start + rows],
                [number % 10 for number in range(len(some[start:][:rows]))],
            )
            for start in range(0, len(some), rows)
        ]
        files = model_files(benchmark.output, _FLAGS.size, texts.vocabulary)
        longest = 16 * -(-max(map(len, some)) // 16) if "zh" in texts.name else 64
        yield from _measure_set(texts.name, files, batches, min(longest, 512))


def _measure_set(name, files, batches, longest) -> Iterator[dict]:
    python = benchmark.peer_python()
    seconds: dict[str, list[float]] = {}
    contenders, losses = {}, {}
    for title in _FLAGS.contenders:
        module, folder, precision = _CONTENDERS[title]
        log = files.folder / f"training {title}.log"
        home = python if "torch" in module else sys.executable
        contenders[title] = one = Contender(module, log, home, thread_variables(_FLAGS.threads))
        one.ask("load", folder=str(files.folder / folder), precision=precision)
        losses[title] = one.ask("loss", texts=batches[0][0], labels=batches[0][1])
        limit = _HALF_PRECISION_LIMIT if "bf16" in title else _LIMIT
        if abs(losses[title] - losses["ours fp32"]) > limit:
            raise RuntimeError(f"{title} has another loss: {losses}")
        seconds[title] = []
    for number in range(-1, benchmark.rounds):
        for title, one in contenders.items():
            took = one.ask("train", batches=batches, max_length=longest)
            if number >= 0:
                seconds[title].append(sum(took[clock_of(benchmark)]))
    for one in contenders.values():
        one.close()
    examples = sum(len(texts) for texts, _ in batches)
    for title, took in seconds.items():
        compared = ratio(took, seconds["ours fp32"])
        yield {
            "texts": name,
            "rows": len(batches[0][0]),
            "contender": title,
            "examples/s": examples / statistics.median(took),
            "time / ours fp32": [compared.low, compared.median, compared.high],
            "first loss": losses[title],
        }


def main(argv: list[str] | None = None) -> int:
    """Runs the program."""
    return benchmark.run(_measure, argv)


if __name__ == "__main__":
    raise SystemExit(main())

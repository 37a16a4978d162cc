"""How reading and packing grow with the file: rows per second, and memory.

  python -m benchmarks.file_size
  python -m benchmarks.file_size --sizes=1000,10000 --stages='rows -> store,store -> batches'

Rows are made up: a table of texts and labels, and running text for packing. "rows -> store" is what
a fine-tuning run does first, "store -> batches" where its steps take their batches from; "text ->
shards" is bertcls-pack, "shards -> batches" where pretraining takes them from. Batches are measured
over --batches batches of 64 rows after the first, from all over the file.

Each stage of each size runs in a process of its own. "own MB" is the most memory that the process
had for itself, TensorFlow's own included; "with files MB" counts the parts of mapped files, too,
which the system takes back when others need it. Takes about 4 times a size of disk meanwhile.
"""

import itertools
import pathlib
import shutil
from collections.abc import Iterator

from absl import flags

from benchmarks.benchmark import Benchmark
from benchmarks.contender import Contender
from benchmarks.generated_text import generated_lines, generated_sentences

benchmark = Benchmark("file_size", __doc__, texts=False, turns=False)
_FLAGS = benchmark.program.flags
# Action of the worker, and the file that it reads.
_STAGES = {
    "rows -> store": ("build_store", "rows.tsv"),
    "store -> batches": ("read_store", ""),
    "text -> shards": ("pack_text", "text.txt"),
    "shards -> batches": ("read_shards", ""),
}
flags.DEFINE_list("sizes", ["10", "100"], "Of the files, in MB.", flag_values=_FLAGS)
flags.DEFINE_list("stages", list(_STAGES), "What to measure.", flag_values=_FLAGS)
flags.DEFINE_integer("batches", 300, "Of the stages that make them.", 1, flag_values=_FLAGS)
_LABELS = 10
_BLOCK_LINES = 20_000  # that are written again and again


def _measure() -> Iterator[dict]:
    folder = benchmark.output / "file_size"
    for size in map(int, _FLAGS.sizes):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        for stage in _FLAGS.stages:
            action, file = _STAGES[stage]
            if file:
                write_file(folder / file, size * 10**6)
            with Contender("benchmarks.file_size_worker", benchmark.output / "size.log") as worker:
                found = worker.ask(action, folder=str(folder), batches=_FLAGS.batches)
            if file:
                (folder / file).unlink()
            yield {
                "stage": stage,
                "file MB": size,
                "rows": found["rows"],
                "seconds": found["seconds"],
                "rows/s": found["rows"] / found["seconds"],
                "own MB": found["own"],
                "with files MB": found["resident"],
            }
    shutil.rmtree(folder)


def write_file(path: pathlib.Path, size: int, block_lines: int = _BLOCK_LINES) -> None:
    """Writes a table or running text of whole lines and about so many bytes."""
    if path.suffix == ".tsv":
        sentences = enumerate(itertools.islice(generated_sentences(), block_lines))
        header = "text\tlabel\n"
        block = "".join(f"{text}\tlabel_{number % _LABELS}\n" for number, text in sentences)
    else:
        header = ""
        block = "".join(f"{line}\n" for line in itertools.islice(generated_lines(), block_lines))
    content = block.encode()
    with open(path, "wb") as file:
        file.write(header.encode())
        for _ in range(size // len(content)):
            file.write(content)
        file.write(content[: content.rfind(b"\n", 0, size % len(content)) + 1])


def main(argv: list[str] | None = None) -> int:
    """Runs the program."""
    return benchmark.run(_measure, argv)


if __name__ == "__main__":
    raise SystemExit(main())

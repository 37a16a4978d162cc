"""Makes the data of a task with very many labels, whose right answers are known.

    python -m benchmarks.many_labels --output runs/data/many_labels

A text has a word of each of two lists among others that say nothing; the pair of words is the
label. Labels occur by Zipf's law. Writes vocab.txt, labels.txt, and {train,dev,test}.tsv with the
columns text and label. The same seed gives the same files.
"""

import itertools
import math
import pathlib
import random
from collections.abc import Iterator

from absl import flags

from benchmarks.reverse_pairs import SPECIAL_TOKENS
from keras_bert_cls.cli.program import Program

program = Program("benchmarks.many_labels", __doc__)
_OUTPUT = flags.DEFINE_string(
    "output", "runs/data/many_labels", "The folder of the files.", flag_values=program.flags
)
_LABELS = flags.DEFINE_integer("labels", 100_000, "Labels.", 4, flag_values=program.flags)
_ROWS = flags.DEFINE_integer("rows", 400_000, "Rows of train.", 1, flag_values=program.flags)
_SEED = flags.DEFINE_integer("seed", 0, "Of the texts.", flag_values=program.flags)

_FILLERS = tuple(f"word{number}" for number in range(50))
_MOST_FILLERS = 5
_HELD_OUT_ROWS = 5_000


def write_rows(folder: pathlib.Path, labels: int, rows: int, seed: int) -> None:
    """Writes the files into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    side = math.ceil(math.sqrt(labels))
    words = [f"{side_name}{number}" for side_name in "ab" for number in range(side)]
    _write_lines(folder / "vocab.txt", [*SPECIAL_TOKENS, *_FILLERS, *words])
    pairs = itertools.product(range(side), range(side))
    names = [f"a{first}-b{second}" for first, second in itertools.islice(pairs, labels)]
    _write_lines(folder / "labels.txt", names)
    lines = _lines(random.Random(seed), names)
    for split, count in (("test", _HELD_OUT_ROWS), ("dev", _HELD_OUT_ROWS), ("train", rows)):
        _write_lines(folder / f"{split}.tsv", ["text\tlabel", *itertools.islice(lines, count)])


def _lines(draw: random.Random, names: list[str]) -> Iterator[str]:
    """Yields rows without end; which labels are frequent has nothing to do with their order."""
    by_frequency = draw.sample(names, len(names))
    weights = list(itertools.accumulate(1 / rank for rank in range(1, len(names) + 1)))
    while True:
        (label,) = draw.choices(by_frequency, cum_weights=weights)
        words = [*draw.choices(_FILLERS, k=draw.randint(0, _MOST_FILLERS)), *label.split("-")]
        draw.shuffle(words)
        yield f"{' '.join(words)}\t{label}"


def _write_lines(path: pathlib.Path, lines: list[str]) -> None:
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def main(argv: list[str] | None = None) -> int:
    """Runs the program."""
    return program.run(_run, argv)


def _run(_: list[str]) -> None:
    write_rows(pathlib.Path(_OUTPUT.value), _LABELS.value, _ROWS.value, _SEED.value)
    print(f"the rows are in {_OUTPUT.value}")


if __name__ == "__main__":
    raise SystemExit(main())

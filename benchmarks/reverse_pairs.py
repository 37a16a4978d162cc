"""Makes the data of a task whose right answers are known: the letters of a text in reverse order.

    python -m benchmarks.reverse_pairs --output runs/data/reverse

Writes vocab.txt and {train,dev,test}.tsv with the columns text and target. No text of dev or test
stands in train. The same seed gives the same files.
"""

import itertools
import pathlib
import random
import string
from collections.abc import Iterator

from absl import flags

from keras_bert_cls.cli.program import Program

program = Program("benchmarks.reverse_pairs", __doc__)
_OUTPUT = flags.DEFINE_string(
    "output", "runs/data/reverse", "The folder of the files.", flag_values=program.flags
)
_ROWS = flags.DEFINE_integer(
    "rows", 20_000, "Rows of train.", lower_bound=1, flag_values=program.flags
)
_LONGEST = flags.DEFINE_integer(
    "longest", 10, "Letters of a text at most.", lower_bound=4, flag_values=program.flags
)
_SEED = flags.DEFINE_integer("seed", 0, "Of the texts.", flag_values=program.flags)

SPECIAL_TOKENS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
LETTERS = string.ascii_lowercase
_SHORTEST = 3
_HELD_OUT_ROWS = 500


def write_pairs(folder: pathlib.Path, rows: int, longest: int, seed: int) -> None:
    """Writes the files into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    tokens = [*SPECIAL_TOKENS, *LETTERS]
    (folder / "vocab.txt").write_text("".join(f"{token}\n" for token in tokens))
    texts = _different_texts(random.Random(seed), longest)
    for split, count in (("test", _HELD_OUT_ROWS), ("dev", _HELD_OUT_ROWS), ("train", rows)):
        pairs = ((text, text[::-1]) for text in itertools.islice(texts, count))
        lines = (f"{' '.join(text)}\t{' '.join(target)}\n" for text, target in pairs)
        (folder / f"{split}.tsv").write_text("text\ttarget\n" + "".join(lines))


def _different_texts(draw: random.Random, longest: int) -> Iterator[str]:
    """Yields random letters without end, no text twice."""
    seen: set[str] = set()
    while True:
        text = "".join(draw.choices(LETTERS, k=draw.randint(_SHORTEST, longest)))
        if text not in seen:
            seen.add(text)
            yield text


def main(argv: list[str] | None = None) -> int:
    """Runs the program."""
    return program.run(_run, argv)


def _run(_: list[str]) -> None:
    write_pairs(pathlib.Path(_OUTPUT.value), _ROWS.value, _LONGEST.value, _SEED.value)
    print(f"the pairs are in {_OUTPUT.value}")


if __name__ == "__main__":
    raise SystemExit(main())

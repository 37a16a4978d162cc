"""The baseline of the demo: multinomial naive Bayes over character n-grams.

python demo/naive_bayes.py TRAIN.tsv TEST.tsv [--text_column text --label_column label]
"""

import argparse
import collections
import csv
import lzma
import math
from collections.abc import Iterator


def ngrams(text: str, longest: int = 2) -> Iterator[str]:
    """Yields the n-grams of 1 to `longest` characters, lower-cased."""
    text = f" {text.lower()} "
    for size in range(1, longest + 1):
        for start in range(len(text) - size + 1):
            yield text[start : start + size]


class NaiveBayes:
    """Multinomial naive Bayes with add-one smoothing.

    Args:
      rows: (text, label) of the training data.
    """

    def __init__(self, rows: list[tuple[str, str]]):
        self._rows_of = collections.Counter(label for _, label in rows)
        self._counts = {label: collections.Counter() for label in self._rows_of}
        for text, label in rows:
            self._counts[label].update(ngrams(text))
        self._totals = {label: counts.total() for label, counts in self._counts.items()}
        self._kinds = len(set().union(*self._counts.values()))

    def predict(self, text: str) -> str:
        """Returns the likeliest label."""
        grams = collections.Counter(ngrams(text))

        def score(label: str) -> float:
            counts, total = self._counts[label], self._totals[label] + self._kinds
            likelihood = sum(n * math.log((counts[gram] + 1) / total) for gram, n in grams.items())
            return math.log(self._rows_of[label]) + likelihood

        return max(sorted(self._counts), key=score)


def read(path: str, text_column: str, label_column: str) -> list[tuple[str, str]]:
    """Reads (text, label) of a tsv; columns are names, or indices where there is no header."""
    open_file = lzma.open if path.endswith(".xz") else open
    with open_file(path, "rt", encoding="utf-8", newline="\n") as file:
        rows = list(csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    if text_column.isdecimal():
        places = int(text_column), int(label_column)
    else:
        header = rows.pop(0) if rows else []
        for column in (text_column, label_column):
            if column not in header:
                raise ValueError(f"{path}: no column {column!r} among {header}")
        places = header.index(text_column), header.index(label_column)
    return [(row[places[0]], row[places[1]]) for row in rows]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("train", nargs="+")
    parser.add_argument("test")
    parser.add_argument("--text_column", default="text")
    parser.add_argument("--label_column", default="label")
    arguments = parser.parse_args()
    columns = arguments.text_column, arguments.label_column
    try:
        test = read(arguments.test, *columns)
        rows = [row for path in arguments.train for row in read(path, *columns)]
    except (OSError, ValueError) as error:  # no such file, no such column
        parser.error(str(error))
    held_out = {text for text, _ in test}
    train = [row for row in rows if row[0] not in held_out]
    model = NaiveBayes(train)
    hits = sum(model.predict(text) == label for text, label in test)
    majority = collections.Counter(label for _, label in train).most_common(1)[0][0]
    print(f"majority class    accuracy {sum(y == majority for _, y in test) / len(test):.4f}")
    print(f"naive Bayes       accuracy {hits / len(test):.4f}")


if __name__ == "__main__":
    main()

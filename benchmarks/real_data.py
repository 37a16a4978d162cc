"""Brings the real data sets into one form: OUTPUT/NAME/{train,dev,test}.tsv with named columns.

    python -m benchmarks.real_data --source ../shared/data --output runs/data

Columns are text, label and, for pairs, text_pair; several labels are joined by ",". trec_fine and
clinc150_domains have labels that are paths, such as ENTY:animal and travel/book_flight.
goemotions_polarity has levels, whose order is in labels.txt; the label of goemotions_valence is a
number from -1 to 1. Training rows whose text stands in dev or test are left out. Where the source
has no dev split, a tenth of the training rows, chosen by a hash of the text, becomes one. The same
source gives the same files.
"""

import csv
import hashlib
import html
import json
import lzma
import pathlib
import statistics
from collections.abc import Callable, Iterable, Iterator

from absl import flags

from keras_bert_cls.cli.program import Program
from keras_bert_cls.errors import UserError

program = Program("benchmarks.real_data", __doc__)
_SOURCE = flags.DEFINE_string(
    "source", "../shared/data", "The folder of the data sets.", flag_values=program.flags
)
_OUTPUT = flags.DEFINE_string(
    "output", "runs/data", "The folder of the files.", flag_values=program.flags
)
_ONLY = flags.DEFINE_list("only", [], "Names; all by default.", flag_values=program.flags)

# sentiment_mapping.json of google-research/goemotions, without "ambiguous"; lowest level first.
_POLARITY = {
    "negative": "fear nervousness remorse embarrassment disappointment sadness grief disgust anger "
    "annoyance disapproval",
    "neutral": "neutral",
    "positive": "amusement excitement joy love desire optimism caring pride admiration gratitude "
    "relief approval",
}

# A row: text, label; or text, text_pair, label.
Row = tuple[str, ...]
Splits = dict[str, list[Row]]


def source_lines(path: pathlib.Path, keep_blank: bool = False) -> Iterator[str]:
    """Yields the lines of a file, which may be an .xz one; only a line feed ends one."""
    content = path.read_bytes()
    if path.suffix == ".xz":
        content = lzma.decompress(content)
    for line in content.decode("utf-8-sig", "replace").split("\n"):
        if line or keep_blank:
            yield line.removesuffix("\r")


def _fields(path: pathlib.Path, *columns: int, header: bool = False) -> list[Row]:
    rows = (line.split("\t") for line in list(source_lines(path))[1 if header else 0 :])
    return [tuple(row[column] for column in columns) for row in rows]


def _with_names(rows: Iterable[Row], names: dict[str, str] | list[str]) -> list[Row]:
    table = names if isinstance(names, dict) else {str(i): name for i, name in enumerate(names)}
    return [(*row[:-1], table[row[-1]]) for row in rows]


def _sst2(source: pathlib.Path) -> Splits:
    names = ["negative", "positive"]
    labelled = [line.split(" ", 1) for line in source_lines(source / "stsa.binary.test")]
    return {
        "train": _with_names(_fields(source / "train.tsv.xz", 0, 1, header=True), names),
        "dev": _with_names(_fields(source / "dev.tsv", 0, 1, header=True), names),
        "test": _with_names([(text, label) for label, text in labelled], names),
    }


def _trec_fine(source: pathlib.Path) -> Splits:
    def rows(name: str) -> list[Row]:
        parted = (line.split(" ", 1) for line in source_lines(source / name))
        return [(text, label) for label, text in parted]

    return {"train": rows("TREC.train.xz"), "test": rows("TREC.test")}


def _trec(source: pathlib.Path) -> Splits:
    return {
        split: [(text, label.split(":")[0]) for text, label in rows]
        for split, rows in _trec_fine(source).items()
    }


def _ag_news(source: pathlib.Path) -> Splits:
    names = {str(i): name for i, name in enumerate(source_lines(source / "classes.txt"), start=1)}
    train = _with_names(_fields(source / "train_part.tsv.xz", 1, 0), names)
    records = csv.reader(source_lines(source / "test.csv.xz"))
    test = [(f"{title} {text}", names[label]) for label, title, text in records]
    return {"train": train, "test": test}


def _clinc150(source: pathlib.Path) -> Splits:
    splits = json.loads("\n".join(source_lines(source / "data_full.json.xz")))
    names = {"dev": "val", "oos_dev": "oos_val"}
    return {
        name: [(text, label) for text, label in splits[names.get(name, name)]]
        for name in ("train", "dev", "test", "oos_dev", "oos_test")
    }


def _clinc150_domains(source: pathlib.Path) -> Splits:
    domains = json.loads("\n".join(source_lines(source / "domains.json")))
    paths = {intent: f"{name}/{intent}" for name, intents in domains.items() for intent in intents}
    splits = _clinc150(source)
    return {name: _with_names(splits[name], paths) for name in ("train", "dev", "test")}


def _mrpc(source: pathlib.Path) -> Splits:
    names = ["different", "same"]
    return {
        split: _with_names(
            _fields(source / f"msr_paraphrase_{split}.txt.xz", 3, 4, 0, header=True), names
        )
        for split in ("train", "test")
    }


def _cola(source: pathlib.Path) -> Splits:
    files = {
        "train": "in_domain_train.tsv.xz",
        "dev": "in_domain_dev.tsv",
        "test": "out_of_domain_dev.tsv",
    }
    names = ["unacceptable", "acceptable"]
    return {
        split: _with_names(_fields(source / name, 3, 1), names) for split, name in files.items()
    }


def _goemotions(source: pathlib.Path) -> Splits:
    names = list(source_lines(source / "labels.txt"))
    return {
        split: [
            (text, ",".join(names[int(number)] for number in numbers.split(",")))
            for text, numbers in _fields(source / f"{split}.tsv.xz", 0, 1)
        ]
        for split in ("train", "dev", "test")
    }


def _goemotions_polarity(source: pathlib.Path) -> Splits:
    """Keeps rows whose emotions are of one level only."""
    polarity = {name: level for level, names in _POLARITY.items() for name in names.split()}
    splits = {}
    for split, rows in _goemotions(source).items():
        levels = [(text, {polarity.get(name) for name in label.split(",")}) for text, label in rows]
        splits[split] = [(text, str(*found)) for text, found in levels if len(found) == 1]
        splits[split] = [row for row in splits[split] if row[1] in _POLARITY]
    return splits


def _goemotions_valence(source: pathlib.Path) -> Splits:
    """Gives each row the mean level of its emotions, from -1 to 1."""
    value = {
        name: level - 1 for level, names in enumerate(_POLARITY.values()) for name in names.split()
    }
    splits: Splits = {}
    for split, rows in _goemotions(source).items():
        values = [
            (text, [value[name] for name in label.split(",") if name in value])
            for text, label in rows
        ]
        splits[split] = [(text, f"{statistics.fmean(of):.3f}") for text, of in values if of]
    return splits


def _csl_category(source: pathlib.Path) -> Splits:
    files = {"train": "train.tsv.xz", "dev": "dev.tsv", "test": "test.tsv"}
    return {split: _fields(source / name, 1, 2) for split, name in files.items()}


def _chnsenticorp(source: pathlib.Path) -> Splits:
    names = ["negative", "positive"]
    return {
        split: _with_names(_fields(source / f"{split}.tsv.xz", 1, 0, header=True), names)
        for split in ("train", "dev", "test")
    }


def _weibo(source: pathlib.Path) -> Splits:
    names = ["negative", "positive"]
    return {
        "train": _with_names(_fields(source / "test_11999.tsv.xz", 1, 0), names),
        "test": _with_names(_fields(source / "extra.tsv.xz", 1, 0), names),
    }


# The ten largest topics, to which studies of the collection often keep, as R(10).
_R10 = ["acq", "corn", "crude", "earn", "grain", "interest", "money-fx", "ship", "trade", "wheat"]
_LONG = 1000  # characters: of English news some 220 tokens


def _reuters_long(source: pathlib.Path) -> Splits:
    def rows(split: str) -> list[Row]:
        articles = map(json.loads, source_lines(source / f"{split}.jsonl.xz"))
        texts = ((f"{a['title']} {a['body']}", a["topics"]) for a in articles)
        found = [(text, [t for t in topics if t in _R10]) for text, topics in texts]
        return [(text, kept[0]) for text, kept in found if len(text) >= _LONG and len(kept) == 1]

    return {split: rows(split) for split in ("train", "test")}


_SETS: dict[str, tuple[str, Callable[[pathlib.Path], Splits]]] = {
    "sst2": ("sst2", _sst2),
    "trec": ("trec", _trec),
    "trec_fine": ("trec", _trec_fine),
    "ag_news": ("ag_news", _ag_news),
    "clinc150": ("clinc150", _clinc150),
    "clinc150_domains": ("clinc150", _clinc150_domains),
    "mrpc": ("mrpc", _mrpc),
    "cola": ("cola", _cola),
    "goemotions": ("goemotions", _goemotions),
    "goemotions_polarity": ("goemotions", _goemotions_polarity),
    "goemotions_valence": ("goemotions", _goemotions_valence),
    "csl_category": ("csl_category", _csl_category),
    "chnsenticorp": ("chnsenticorp", _chnsenticorp),
    "weibo": ("weibo_senti_part", _weibo),
    "reuters_long": ("reuters21578_r90", _reuters_long),
}


def prepare(name: str, source: pathlib.Path, output: pathlib.Path) -> dict[str, int]:
    """Writes a data set's files.

    Returns:
      The rows of each split.

    Raises:
      UserError: the source lacks the data set.
    """
    folder, read = _SETS[name]
    if not (source / folder).is_dir():
        raise UserError(f"--source {source}: expected a folder {folder} with the data set {name}")
    splits = {split: [_clean(row) for row in rows] for split, rows in read(source / folder).items()}
    if "dev" not in splits:
        splits["dev"] = [row for row in splits["train"] if _is_tenth(row)]
    held_out = {row[:-1] for split, rows in splits.items() if split != "train" for row in rows}
    splits["train"] = [row for row in splits["train"] if row[:-1] not in held_out]
    (output / name).mkdir(parents=True, exist_ok=True)
    for split, rows in splits.items():
        columns = ("text", "text_pair", "label") if len(rows[0]) == 3 else ("text", "label")
        content = "".join("\t".join(row) + "\n" for row in [columns, *rows])
        (output / name / f"{split}.tsv").write_text(content, encoding="utf-8", newline="\n")
    if name == "goemotions_polarity":
        content = "".join(f"{level}\n" for level in _POLARITY)
        (output / name / "labels.txt").write_text(content, encoding="utf-8", newline="\n")
    return {split: len(rows) for split, rows in splits.items()}


def _clean(row: Row) -> Row:
    return tuple(" ".join(html.unescape(field).split()) for field in row)


def _is_tenth(row: Row) -> bool:
    return hashlib.sha256("\t".join(row[:-1]).encode()).digest()[0] * 10 < 256


def _run(_: list[str]) -> None:
    for name in _ONLY.value or _SETS:
        if name not in _SETS:
            raise UserError(f"--only: there is no {name!r}; known are {', '.join(_SETS)}")
        rows = prepare(name, pathlib.Path(_SOURCE.value), pathlib.Path(_OUTPUT.value))
        print(f"{name}: " + ", ".join(f"{split} {count:,}" for split, count in rows.items()))


def main(argv: list[str] | None = None) -> int:
    """Runs the program."""
    return program.run(_run, argv)


if __name__ == "__main__":
    raise SystemExit(main())

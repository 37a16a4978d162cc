"""Headlines of broadcast news: ROUGE of a model, and of the text's own beginning beside it.

    python -m benchmarks.seq2seq_quality --source ../shared/data --output runs/data/zh_headlines
    bertcls-seq2seq --config configs/zh_headlines_seq2seq.py --workdir runs/zh_headlines
    python -m benchmarks.seq2seq_quality --output runs/data/zh_headlines --model runs/zh_headlines

With --source it writes {train,dev,test}.tsv (text, target) from pretrain_zh_news, in which an item
is a title in a line of its own and the text: the newest 1,000 items are test, the 1,000 before them
dev. Items without a title are left out. Then it prints what the beginnings of the test texts score,
and what --model, a run or an export, scores. ROUGE counts characters. The last line is JSON.
"""

import csv
import json
import lzma
import pathlib
import re
import statistics
from collections.abc import Iterator

from absl import flags

from keras_bert_cls.cli.program import Program
from keras_bert_cls.errors import UserError

program = Program("benchmarks.seq2seq_quality", __doc__)
_SOURCE = flags.DEFINE_string(
    "source", None, "The folder of the data sets.", flag_values=program.flags
)
_OUTPUT = flags.DEFINE_string(
    "output", "runs/data/zh_headlines", "The folder of the files.", flag_values=program.flags
)
_MODEL = flags.DEFINE_string(
    "model", None, "A run of bertcls-seq2seq or an export of it.", flag_values=program.flags
)

_FILE = "pretrain_zh_news/xinwenlianbo.txt.xz"
_HELD_OUT = 1000
_LONGEST_TITLE = 40
_SHORTEST_TEXT = 40
_SENTENCE = re.compile(r"[^。！？；]*[。！？；]?")

Pair = tuple[str, str]  # text, title


def write_files(source: pathlib.Path, folder: pathlib.Path) -> None:
    """Writes the three splits, oldest items first."""
    content = lzma.decompress((source / _FILE).read_bytes()).decode("utf-8")
    pairs = list(_pairs(content))
    splits = {
        "train": pairs[: -2 * _HELD_OUT],
        "dev": pairs[-2 * _HELD_OUT : -_HELD_OUT],
        "test": pairs[-_HELD_OUT:],
    }
    folder.mkdir(parents=True, exist_ok=True)
    for split, rows in splits.items():
        with open(folder / f"{split}.tsv", "w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, delimiter="\t", lineterminator="\n")
            writer.writerows([("text", "target"), *rows])
        print(f"{split}: {len(rows):,} items")


def _pairs(content: str) -> Iterator[Pair]:
    for item in content.split("\n\n"):
        title, *lines = (line.strip() for line in item.strip().split("\n"))
        text = "".join(lines)
        if len(title) <= _LONGEST_TITLE and len(text) >= _SHORTEST_TEXT and title[-1] not in "。：":
            yield text, title


def _read(file: pathlib.Path) -> list[Pair]:
    if not file.is_file():
        raise UserError(f"{file} is not there: --source makes it")
    with open(file, encoding="utf-8", newline="") as lines:
        return [(row["text"], row["target"]) for row in csv.DictReader(lines, delimiter="\t")]


def beginnings(folder: pathlib.Path, test: list[Pair]) -> dict[str, list[str]]:
    """Returns the first sentences of the test texts, whole and cut to a title's usual length."""
    usual = round(statistics.mean(len(title) for _, title in _read(folder / "train.tsv")))
    sentences = [_SENTENCE.match(text)[0] for text, _ in test]  # type: ignore[index]
    return {
        "first sentence": sentences,
        f"first {usual} characters": [text[:usual] for text, _ in test],
    }


def main(argv: list[str] | None = None) -> int:
    """Runs the program."""
    return program.run(_run, argv)


def _run(_: list[str]) -> None:
    from keras_bert_cls.training.rouge import METRICS, mean_rouge
    from keras_bert_cls.transducer import Transducer

    folder = pathlib.Path(_OUTPUT.value)
    if _SOURCE.value is not None:
        write_files(pathlib.Path(_SOURCE.value), folder)
    test = _read(folder / "test.tsv")
    answers = beginnings(folder, test)
    if _MODEL.value is not None:
        written = Transducer.load(_MODEL.value).write(text for text, _ in test)
        answers["model"] = [one.text for one in written]
    scores = {}
    print(f"{'':<22}" + "".join(f"{metric:>10}" for metric in METRICS))
    for name, texts in answers.items():
        titles = (title for _, title in test)
        scores[name] = mean_rouge(zip(texts, titles, strict=True))
        print(f"{name:<22}" + "".join(f"{scores[name][metric]:>10.4f}" for metric in METRICS))
    print(json.dumps({"rows": len(test), "scores": scores}, ensure_ascii=False))


if __name__ == "__main__":
    raise SystemExit(main())

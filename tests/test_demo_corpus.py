"""The demo corpus is sound: fields, labels, sizes, and no leakage between splits."""

import collections
import pathlib
import subprocess
import sys

import pytest

CORPUS = pathlib.Path(__file__).parents[1] / "demo" / "corpus"
SPLITS = ("train", "dev", "test")


def rows_of(split: str) -> list[list[str]]:
    lines = (CORPUS / f"{split}.tsv").read_text(encoding="utf-8").split("\n")
    assert lines[0] == "label\tlanguage\ttext" and lines[-1] == ""
    return [line.split("\t") for line in lines[1:-1]]


def trigrams(text: str) -> frozenset[str]:
    text = "".join(text.split())
    return frozenset(text[i : i + 3] for i in range(len(text) - 2))


@pytest.mark.parametrize("split", SPLITS)
def test_rows(split):
    for row in rows_of(split):
        assert len(row) == 3
        assert row[0] in ("positive", "negative", "neutral")
        assert row[1] in ("zh", "en")
        assert row[2] == row[2].strip() != ""


def test_sizes():
    languages = collections.Counter(row[1] for split in SPLITS for row in rows_of(split))
    assert languages["zh"] >= 1200
    assert languages["en"] >= 400
    assert sum((CORPUS / f"prose_{x}.txt").stat().st_size for x in ("zh", "en")) > 95_000


def test_no_text_is_like_one_of_another_split():
    places = collections.defaultdict(list)
    texts = [(split, row[2], trigrams(row[2])) for split in SPLITS for row in rows_of(split)]
    for index, (_, _, grams) in enumerate(texts):
        for gram in grams:
            places[gram].append(index)
    for index, (split, text, grams) in enumerate(texts):
        shared = collections.Counter(i for gram in grams for i in places[gram] if i != index)
        for other, count in shared.most_common(3):
            other_split, other_text, other_grams = texts[other]
            if other_split != split:
                likeness = count / len(grams | other_grams)
                assert likeness < 0.5, (text, other_text)


def test_wrong_files_of_the_baseline(tmp_path):
    baseline = CORPUS.parent / "naive_bayes.py"
    (tmp_path / "a.tsv").write_text("label\twords\n")
    for name, message in (("nofile", "No such file"), ("a.tsv", "no column 'text' among")):
        command = [sys.executable, baseline, tmp_path / name, CORPUS / "test.tsv"]
        done = subprocess.run(command, capture_output=True, text=True)
        assert done.returncode == 2
        assert message in done.stderr
        assert "Traceback" not in done.stderr


def test_no_text_stands_twice():
    texts = [row[2] for split in SPLITS for row in rows_of(split)]
    assert len(texts) == len(set(texts))

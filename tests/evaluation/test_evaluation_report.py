"""The report and its page, of classifiers that are made up."""

import html.parser
import json
import re
import warnings

import numpy as np
import pytest
from made_up_classifiers import made_up_classifier, softmax_row

from keras_bert_cls.errors import UserError
from keras_bert_cls.evaluation.bootstrap import Bootstrap
from keras_bert_cls.evaluation.options import ReportOptions
from keras_bert_cls.evaluation.page.page import report_page
from keras_bert_cls.evaluation.page.svg import columns, shortened
from keras_bert_cls.evaluation.report import build_report
from keras_bert_cls.evaluation.report_files import write_report
from keras_bert_cls.evaluation.report_json import report_json, rounded
from keras_bert_cls.inference import Classifier
from keras_bert_cls.training.evaluate_run import ScoredFiles

LABELS = ("负面情绪", "<b>neutral</b>", 'positive & "so"')
HOSTILE = "<script>alert('x')</script> & \"quoted\" <img src=x onerror=alert(1)>"


@pytest.fixture
def models(monkeypatch):
    """Name -> classifier, as if they were folders."""
    found = {}
    monkeypatch.setattr(
        Classifier, "load", classmethod(lambda _, path, task=None: found[str(path)])
    )
    return found


def write_rows(path, labels, rows=60, seed=0, out_of_scope=0):
    random = np.random.default_rng(seed)
    lines = [f"text\tlabel\tsource\n{HOSTILE} 影片\t{labels[0]}\tshop\n"]
    for number in range(rows):
        label = labels[random.integers(len(labels))]
        words = label if random.random() < 0.7 else "nothing"
        text = f"{words} 好看 word{number} " + "word " * int(random.integers(1, 30))
        lines.append(f"{text}\t{label}\t{random.choice(['shop', '<i>web</i>'])}\n")
    lines += [f"strange {number} thing\toos\tweb\n" for number in range(out_of_scope)]
    lines.append(lines[1])
    path.write_text("".join(lines), encoding="utf-8")
    return ScoredFiles((str(path),), text_column="text", label_column="label")


def report(data, **options):
    return build_report(ReportOptions("model", bootstrap=Bootstrap(100), **options), data)


class Page(html.parser.HTMLParser):
    """Checks that tags nest, and keeps the text and the tags."""

    VOID = ("meta", "br", "path", "use", "rect", "img")

    def __init__(self, page):
        super().__init__()
        self.open, self.tags, self.words, self.ids = [], [], [], []
        self.feed(page)
        assert not self.open

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.ids += [value for name, value in attrs if name == "id"]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append(tag)

    def handle_endtag(self, tag):
        if tag not in self.VOID:
            assert self.open.pop() == tag

    def handle_data(self, data):
        if "style" not in self.open:
            self.words.append(data)


def test_a_report_of_labels(models, tmp_path):
    models["model"] = made_up_classifier(LABELS)
    models["other"] = made_up_classifier(LABELS[::-1], seed="other")
    data = write_rows(tmp_path / "rows.tsv", LABELS, out_of_scope=9)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        content = report(
            data, compare_with="other", slice_columns=("source",), out_of_scope_label="oos"
        )
        write_report(tmp_path, content)
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    seen = Page(page)
    text = "".join(seen.words)
    assert "script" not in seen.tags
    assert "img" not in seen.tags
    assert "b" in seen.tags  # ours, of the pictures of intervals
    assert HOSTILE in text
    assert "<b>neutral</b>" in text
    assert "<i>web</i>" in text
    svg = re.search(r'<svg role="img" aria-label="confusion matrix".*?</svg>', page, re.DOTALL)
    assert len(re.findall(r"<text[^>]*>负面情绪</text>", svg[0])) == 2
    assert len(re.findall(r"<text[^>]*>&lt;b&gt;neutral&lt;/b&gt;</text>", svg[0])) == 2
    assert "DejaVu" not in page
    assert "http://" not in re.sub(r'xmlns(:\w+)?="[^"]*"', "", page)
    assert len(set(seen.ids)) == len(seen.ids)
    assert json.loads((tmp_path / "report.json").read_text()) == rounded(content)

    assert content["data"]["rows"] == 71
    assert content["data"]["in_scope"] == 62
    assert content["out_of_scope"]["rows"] == 9
    assert sum(row["support"] for row in content["labels"]) == 62
    assert content["duplicates"]["rows"] == 1
    assert content["training_overlap"] is None
    names = [sliced["name"] for sliced in content["slices"]]
    assert names == ["tokens", "language", "source"]
    for sliced in content["slices"]:
        assert sum(group["rows"] for group in sliced["groups"]) == 62
    error = content["confident_errors"][0]
    assert error["tokens"] == ["[CLS]", *error["text"].split(), "[SEP]"]
    assert error["label"] != error["predicted"]
    confidences = [row["confidence"] for row in content["confident_errors"]]
    assert confidences == sorted(confidences, reverse=True)


def test_the_numbers_are_those_of_the_answers(models, tmp_path):
    models["model"] = made_up_classifier(LABELS)
    models["other"] = made_up_classifier(LABELS[::-1], seed="other")
    data = write_rows(tmp_path / "rows.tsv", LABELS)
    content = report(data, compare_with="other")
    rows = [line.split("\t") for line in (tmp_path / "rows.tsv").read_text().splitlines()[1:]]
    first = [LABELS[softmax_row(row[0], LABELS).argmax()] == row[1] for row in rows]
    backwards = LABELS[::-1]
    second = [backwards[softmax_row(row[0], backwards, "other").argmax()] == row[1] for row in rows]
    assert content["scores"]["accuracy"]["value"] == pytest.approx(np.mean(first))
    comparison = content["comparison"]
    assert comparison["scores"]["accuracy"]["value"] == pytest.approx(np.mean(second))
    difference = np.mean(first) - np.mean(second)
    assert comparison["differences"]["accuracy"]["value"] == pytest.approx(difference)
    only_first = sum(a and not b for a, b in zip(first, second, strict=True))
    assert comparison["mcnemar"]["only_first"] == only_first
    assert len(comparison["only_first"]) == min(20, only_first)
    for row in comparison["only_first"]:
        assert row["first"]["predicted"] == row["label"] != row["second"]["predicted"]


def test_the_same_call_gives_the_same_bytes(models, tmp_path):
    models["model"] = made_up_classifier(LABELS)
    data = write_rows(tmp_path / "rows.tsv", LABELS)
    one, other = report(data), report(data)
    assert report_json(one) == report_json(other)
    assert report_page(one) == report_page(other)


def test_150_labels_have_pairs_instead_of_a_matrix(models, tmp_path):
    labels = tuple(f"intent_{number:03}" for number in range(150))
    models["model"] = made_up_classifier(labels)
    content = report(write_rows(tmp_path / "rows.tsv", labels, rows=300))
    assert content["confusion"]["matrix"] is None
    assert content["confusion"]["pairs"]
    page = report_page(content)
    assert "Most confused labels" in page
    assert 'aria-label="confusion matrix"' not in page
    assert len(content["labels"]) == 150


def test_rejected_answers_count_apart(models, tmp_path):
    models["model"] = made_up_classifier(LABELS, reject_below=0.7)
    data = write_rows(tmp_path / "rows.tsv", LABELS, out_of_scope=5)
    content = report(data, out_of_scope_label="oos")
    rows = [line.split("\t") for line in (tmp_path / "rows.tsv").read_text().splitlines()[1:]]
    rows = [row for row in rows if row[1] != "oos"]
    answers = [softmax_row(row[0], LABELS) for row in rows]
    right = [LABELS[a.argmax()] == row[1] for a, row in zip(answers, rows, strict=True)]
    answered = [a.max() >= 0.7 for a in answers]
    found = content["rejection"]
    assert found["rejected"] == len(rows) - sum(answered)
    assert found["coverage"] == pytest.approx(np.mean(answered))
    kept = [r for r, a in zip(right, answered, strict=True) if a]
    assert found["accuracy"]["value"] == pytest.approx(np.mean(kept))
    assert content["scores"]["accuracy"]["value"] == pytest.approx(np.mean(right))
    strange = [softmax_row(f"strange {number} thing", LABELS).max() < 0.7 for number in range(5)]
    assert content["out_of_scope"]["rejected"] == pytest.approx(np.mean(strange))
    assert "The model itself rejected" in report_page(content)


@pytest.mark.parametrize("thresholds", [None, 0.2])
def test_a_report_of_several_labels_a_row(models, tmp_path, thresholds):
    labels = ("red", "绿", "blue")
    models["model"] = made_up_classifier(labels, "multi_label", thresholds=thresholds)
    models["other"] = made_up_classifier(labels, "multi_label", seed="other")
    path = tmp_path / "rows.tsv"
    path.write_text(
        "text\tlabel\n"
        + "".join(f"red 绿 {n}\t{'red,绿' if n % 3 else 'blue'}\n" for n in range(30)),
        encoding="utf-8",
    )
    data = ScoredFiles((str(path),), text_column="text", label_column="label")
    content = report(data, compare_with="other")
    assert set(content["scores"]) == {"micro_f1", "macro_f1", "subset_accuracy"}
    cut = 0.5 if thresholds is None else thresholds
    chosen = [softmax_row(f"red 绿 {n}", labels) >= cut for n in range(30)]
    predicted = np.sum(chosen, axis=0).tolist()
    assert [row["predicted"] for row in content["labels"]] == predicted
    assert content["labels"][0]["average_precision"] is not None
    assert content["confusion"] is content["risk_coverage"] is content["label_noise"] is None
    page = report_page(content)
    Page(page)
    assert 'aria-label="precision over recall"' in page


def test_a_report_of_values(models, tmp_path):
    models["model"] = made_up_classifier((), "regression")
    models["other"] = made_up_classifier((), "regression")
    path = tmp_path / "rows.tsv"
    path.write_text("text\tlabel\n" + "".join(f"{n} {'x' * n}\t{n}\n" for n in range(40)))
    data = ScoredFiles((str(path),), text_column="text", label_column="label")
    content = report(data, compare_with="other")
    assert set(content["scores"]) == {"mae", "rmse", "pearson", "spearman"}
    assert content["comparison"]["mcnemar"] is None
    assert content["comparison"]["differences"]["mae"] == {"value": 0, "low": 0, "high": 0}
    errors = [abs(e["predicted"] - e["label"]) for e in content["confident_errors"]]
    assert errors == sorted(errors, reverse=True)
    page = report_page(content)
    Page(page)
    assert 'aria-label="predicted value over true value"' in page


def test_models_that_cannot_be_compared(models, tmp_path):
    models["model"] = made_up_classifier(LABELS)
    models["fewer"] = made_up_classifier(LABELS[:2])
    models["values"] = made_up_classifier((), "regression")
    data = write_rows(tmp_path / "rows.tsv", LABELS)
    with pytest.raises(UserError, match="only one of them knows"):
        report(data, compare_with="fewer")
    with pytest.raises(UserError, match="its task is 'regression'"):
        report(data, compare_with="values")


def test_a_model_that_is_always_right(models, tmp_path):
    models["model"] = made_up_classifier(LABELS)
    path = tmp_path / "rows.tsv"
    texts = [f"text {number}" for number in range(20)]
    rows = [f"{text}\t{LABELS[softmax_row(text, LABELS).argmax()]}\n" for text in texts]
    path.write_text("text\tlabel\n" + "".join(rows), encoding="utf-8")
    content = report(ScoredFiles((str(path),), text_column="text", label_column="label"))
    assert content["scores"]["accuracy"] == {"value": 1, "low": 1, "high": 1}
    assert content["confident_errors"] == content["confusion"]["pairs"] == []
    Page(report_page(content))


def test_names_are_cut_by_their_width():
    assert columns("ab负面") == 6
    assert shortened("short") == "short"
    assert shortened("负" * 20) == "负" * 12 + "…"
    assert columns(shortened("x" * 99)) == 26


def test_json_holds_six_digits_and_no_infinity():
    assert rounded([1 / 3, {"a": float("inf"), "b": 12345678.9}]) == [
        0.333333,
        {"a": None, "b": 12345700.0},
    ]

"""Scores of paths and levels in reports: their values, their intervals, and their differences."""

import numpy as np
import pytest
from made_up_classifiers import made_up_classifier

from keras_bert_cls.data.label_structure import NO_STRUCTURE, LabelStructure
from keras_bert_cls.evaluation import report as report_module
from keras_bert_cls.evaluation.bootstrap import Bootstrap
from keras_bert_cls.evaluation.options import ReportOptions
from keras_bert_cls.evaluation.page.page import report_page
from keras_bert_cls.evaluation.structure_estimates import score_structure, structure_differences
from keras_bert_cls.training.evaluate_run import ScoredFiles
from keras_bert_cls.training.structure_scores import structure_scores

LABELS = ("a/x", "a/y", "b", "c/z")
STRUCTURES = [LabelStructure(path_separator="/"), LabelStructure(ordered=True)]


def drawn(rows=300):
    random = np.random.default_rng(2)
    targets = random.integers(0, 4, rows)
    guesses = random.integers(0, 4, (2, rows))
    return targets, *(np.where(random.random(rows) < 0.6, targets, guess) for guess in guesses)


@pytest.mark.parametrize("structure", STRUCTURES)
def test_values_and_intervals_are_those_of_rows_drawn_anew(structure):
    targets, predictions, _ = drawn()
    found = score_structure(targets, predictions, LABELS, structure, Bootstrap(2000))
    values = {name: estimate["value"] for name, estimate in found.items()}
    assert values == pytest.approx(structure_scores(targets, predictions, LABELS, structure))
    random = np.random.default_rng(0)
    draws = [random.integers(0, len(targets), len(targets)) for _ in range(1000)]
    scores = [structure_scores(targets[d], predictions[d], LABELS, structure) for d in draws]
    for name, estimate in found.items():
        low, high = np.quantile([score[name] for score in scores], (0.025, 0.975))
        width = high - low
        assert estimate["low"] == pytest.approx(low, abs=0.12 * width)
        assert estimate["high"] == pytest.approx(high, abs=0.12 * width)


@pytest.mark.parametrize("structure", STRUCTURES)
def test_differences_are_of_the_same_rows(structure):
    targets, one, other = drawn()
    found = structure_differences(targets, one, other, LABELS, structure, Bootstrap(200))
    scores = [structure_scores(targets, p, LABELS, structure) for p in (one, other)]
    for name, estimate in found.items():
        assert estimate["value"] == pytest.approx(scores[0][name] - scores[1][name])
        assert estimate["low"] < estimate["value"] < estimate["high"]
    same = structure_differences(targets, one, one, LABELS, structure, Bootstrap(20))
    assert {tuple(estimate.values()) for estimate in same.values()} == {(0.0, 0.0, 0.0)}


def test_plain_labels_have_no_such_scores():
    targets, one, other = drawn(20)
    assert score_structure(targets, one, LABELS, NO_STRUCTURE, Bootstrap(5)) == {}
    assert structure_differences(targets, one, other, LABELS, NO_STRUCTURE, Bootstrap(5)) == {}


@pytest.mark.parametrize("structure", STRUCTURES)
def test_reports_show_them(structure, tmp_path, monkeypatch):
    pytest.importorskip("matplotlib")
    classifiers = {}
    for name in ("one", "two"):
        classifiers[name] = made_up_classifier(LABELS, seed=name)
        classifiers[name].label_structure = structure
    monkeypatch.setattr(report_module.Classifier, "load", lambda name, task: classifiers[name])
    monkeypatch.setattr(report_module, "run_data", lambda model, task: None)
    lines = [f"text {n} of {LABELS[n % 4]}\t{LABELS[n % 4]}\n" for n in range(40)]
    (tmp_path / "test.tsv").write_text("text\tlabel\n" + "".join(lines), encoding="utf-8")
    options = ReportOptions("one", compare_with="two", bootstrap=Bootstrap(20))
    data = ScoredFiles((f"{tmp_path}/test.tsv",), text_column="text", label_column="label")
    report = report_module.build_report(options, data)
    wanted = {"hierarchical_f1", "accuracy_level_1"}
    titles = {"hierarchical F1, %", "right to level 1, %"}
    if structure.ordered:
        wanted = {"quadratic_kappa", "mean_absolute_error"}
        titles = {"quadratic κ, ×100", "mean distance, levels"}
    assert wanted < set(report["scores"])
    assert set(report["comparison"]["differences"]) == set(report["scores"])
    page = report_page(report)
    assert all(title in page for title in titles)

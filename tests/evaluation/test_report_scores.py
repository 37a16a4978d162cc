"""Scores of labels and values against scikit-learn and scipy."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from sklearn import metrics

from keras_bert_cls.evaluation.bootstrap import Bootstrap, proportion
from keras_bert_cls.evaluation.classification_scores import (
    label_table,
    score_labels,
    single_label_values,
)
from keras_bert_cls.evaluation.confusion import confusion
from keras_bert_cls.evaluation.label_counts import group_rows
from keras_bert_cls.evaluation.precision_recall import precision_recall
from keras_bert_cls.evaluation.regression_scores import score_values
from keras_bert_cls.evaluation.residuals import residuals

LABELS = 5


def values(scores) -> dict[str, float]:
    return {name: score["value"] for name, score in scores.items()}


@given(
    st.lists(st.tuples(st.integers(0, LABELS - 1), st.integers(0, LABELS - 1)), min_size=1),
)
@settings(max_examples=50, deadline=None)
def test_single_label_scores(pairs):
    targets, predictions = np.array(pairs).T
    found = values(score_labels(targets, predictions, "single_label", LABELS, Bootstrap(2)))
    options = {"labels": range(LABELS), "zero_division": 0}
    assert found == pytest.approx(
        {
            "accuracy": metrics.accuracy_score(targets, predictions),
            "macro_f1": metrics.f1_score(targets, predictions, average="macro", **options),
            "micro_f1": metrics.f1_score(targets, predictions, average="micro", **options),
            "mcc": metrics.matthews_corrcoef(targets, predictions)
            if len({*targets, *predictions}) > 1
            else 0,
        }
    )
    table = label_table(targets, predictions, [str(k) for k in range(LABELS)])
    expected = metrics.precision_recall_fscore_support(targets, predictions, **options)
    for name, column in zip(("precision", "recall", "f1"), expected[:3], strict=True):
        assert [row[name]["value"] for row in table] == pytest.approx(column.tolist())
        assert all(row[name]["low"] <= row[name]["value"] <= row[name]["high"] for row in table)
    assert [row["support"] for row in table] == expected[3].tolist()


def test_draws_are_scored_as_the_rows_that_they_stand_for():
    random = np.random.default_rng(4)
    targets, predictions = random.integers(LABELS, size=(2, 80))
    (groups,) = group_rows(targets, predictions, labels=LABELS)
    (drawn,) = Bootstrap(20).counts(groups.sizes)
    found = single_label_values(groups.count(drawn), np.zeros(LABELS, bool))
    actual, predicted = groups.actual.toarray().argmax(1), groups.predicted.toarray().argmax(1)
    for number, counts in enumerate(drawn):
        rows = np.repeat(actual, counts), np.repeat(predicted, counts)
        f1 = metrics.f1_score(*rows, average="macro", labels=range(LABELS), zero_division=0)
        assert found["macro_f1"][number] == pytest.approx(f1)
        assert found["mcc"][number] == pytest.approx(metrics.matthews_corrcoef(*rows))


@pytest.mark.parametrize("rate", [0.0, 0.1, 0.5])
def test_multi_label_scores(rate):
    random = np.random.default_rng(5)
    targets = (random.random((60, LABELS)) < 0.4).astype(int)
    predictions = targets ^ (random.random(targets.shape) < rate)
    found = values(score_labels(targets, predictions, "multi_label", LABELS, Bootstrap(2)))
    assert found == pytest.approx(
        {
            "micro_f1": metrics.f1_score(targets, predictions, average="micro"),
            "macro_f1": metrics.f1_score(targets, predictions, average="macro"),
            "subset_accuracy": metrics.accuracy_score(targets, predictions),
        }
    )
    table = label_table(targets, predictions, [str(k) for k in range(LABELS)])
    recalls = metrics.recall_score(targets, predictions, average=None)
    assert [row["recall"]["value"] for row in table] == pytest.approx(recalls.tolist())


def test_the_interval_of_f1_is_that_of_its_share():
    """F1 = 2J / (1 + J), where J is the share of hits among hits, false alarms and misses."""
    targets = np.array([0] * 10 + [1] * 5)
    predictions = np.array([0] * 8 + [1] * 2 + [0] * 1 + [1] * 4)
    row = label_table(targets, predictions, ["a", "b"])[0]
    share = proportion(8, 11)
    assert row["f1"]["low"] == pytest.approx(2 * share["low"] / (1 + share["low"]))
    assert row["f1"]["value"] == pytest.approx(2 * 8 / (9 + 10))


def test_regression_scores():
    random = np.random.default_rng(6)
    targets = random.normal(size=50).round(1)
    predictions = targets + random.normal(size=50).round(1)
    found = score_values(targets, predictions, Bootstrap(200))
    assert values(found) == pytest.approx(
        {
            "mae": metrics.mean_absolute_error(targets, predictions),
            "rmse": metrics.root_mean_squared_error(targets, predictions),
            "pearson": stats.pearsonr(targets, predictions).statistic,
            "spearman": stats.spearmanr(targets, predictions).statistic,
        }
    )
    for score in found.values():
        assert score["low"] < score["value"] < score["high"]


def test_correlations_of_constants_are_0():
    found = values(score_values(np.full(5, 0.1), np.arange(5.0), Bootstrap(5)))
    assert (found["pearson"], found["spearman"]) == (0, 0)


def test_residuals():
    found = residuals(np.array([1.0, 2.0, 3.0]), np.array([1.5, 2.5, 2.0]))
    assert found["mean"] == pytest.approx(0)
    assert found["quantiles"][2] == [0.5, 0.5]
    assert found["points"] == [[1.0, 1.5], [2.0, 2.5], [3.0, 2.0]]


def test_confusion():
    targets, predictions = np.array([0, 0, 0, 1, 2, 2]), np.array([0, 1, 1, 1, 0, 2])
    found = confusion(targets, predictions, ["a", "b", "c"])
    expected = metrics.confusion_matrix(targets, predictions)
    assert found["matrix"] == expected.tolist()
    assert found["confused_pairs"] == 2
    assert found["pairs"] == [
        {"label": "a", "predicted": "b", "rows": 2, "share": pytest.approx(2 / 3)},
        {"label": "c", "predicted": "a", "rows": 1, "share": 0.5},
    ]


def test_many_labels_have_no_matrix_but_their_worst_pairs():
    random = np.random.default_rng(8)
    targets = random.integers(150, size=3000)
    predictions = np.where(targets == 7, 9, targets)
    found = confusion(targets, predictions, [str(k) for k in range(150)])
    assert found["matrix"] is None
    assert [(pair["label"], pair["predicted"]) for pair in found["pairs"]] == [("7", "9")]


def test_precision_over_recall():
    random = np.random.default_rng(9)
    targets = (random.random((50, 3)) < 0.3).astype(int)
    targets[:, 2] = 0
    probabilities = random.random((50, 3))
    found = precision_recall(targets, probabilities)
    micro = metrics.average_precision_score(targets, probabilities, average="micro")
    assert found["micro_average_precision"] == pytest.approx(micro)
    assert found["average_precision"][2] is None
    assert found["average_precision"][0] == pytest.approx(
        metrics.average_precision_score(targets[:, 0], probabilities[:, 0])
    )
    for point in found["points"]:
        chosen = probabilities >= point["threshold"]
        assert point["recall"] == pytest.approx(targets[chosen].sum() / targets.sum())
        assert point["precision"] == pytest.approx(targets[chosen].mean())

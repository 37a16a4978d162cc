"""Scores of paths and levels, against sets of nodes and against scikit-learn."""

import numpy as np
import pytest

from keras_bert_cls.data.label_structure import NO_STRUCTURE, LabelStructure
from keras_bert_cls.training.metrics import single_label_scores
from keras_bert_cls.training.structure_scores import structure_scores, structure_values

PATHS = ("a/x/1", "a/x/2", "a/y", "b", "c/z")
LEVELS = ("bad", "poor", "fair", "good")


def drawn(labels, rows=200, seed=0):
    random = np.random.default_rng(seed)
    targets = random.integers(0, len(labels), rows)
    return targets, np.where(random.random(rows) < 0.5, targets, random.integers(0, len(labels)))


def nodes_of(label):
    parts = label.split("/")
    return {"/".join(parts[:end]) for end in range(1, len(parts) + 1)}


def test_levels_and_f1_of_paths():
    targets, predictions = drawn(PATHS)
    found = structure_scores(targets, predictions, PATHS, LabelStructure(path_separator="/"))
    pairs = [(PATHS[t], PATHS[p]) for t, p in zip(targets, predictions, strict=True)]
    expected = {
        f"accuracy_level_{level}": np.mean(
            [t.split("/")[:level] == p.split("/")[:level] for t, p in pairs]
        )
        for level in (1, 2)
    }
    shared = sum(len(nodes_of(t) & nodes_of(p)) for t, p in pairs)
    precision = shared / sum(len(nodes_of(p)) for _, p in pairs)
    recall = shared / sum(len(nodes_of(t)) for t, _ in pairs)
    expected["hierarchical_f1"] = 2 * precision * recall / (precision + recall)
    assert found == pytest.approx(expected, rel=1e-12)
    accuracy = (targets == predictions).mean()
    assert accuracy <= found["accuracy_level_2"] < found["accuracy_level_1"] < 1


def test_distance_and_kappa_of_levels():
    metrics = pytest.importorskip("sklearn.metrics")
    targets, predictions = drawn(LEVELS)
    found = structure_scores(targets, predictions, LEVELS, LabelStructure(ordered=True))
    expected = {
        "mean_absolute_error": metrics.mean_absolute_error(targets, predictions),
        "quadratic_kappa": metrics.cohen_kappa_score(targets, predictions, weights="quadratic"),
    }
    assert found == pytest.approx(expected, rel=1e-12)


def test_kappa_of_one_level_is_zero_and_of_right_answers_one():
    ordered = LabelStructure(ordered=True)
    same = np.full(5, 2)
    assert structure_scores(same, same, LEVELS, ordered)["quadratic_kappa"] == 0
    all_levels = np.arange(4)
    assert structure_scores(all_levels, all_levels, LEVELS, ordered)["quadratic_kappa"] == 1
    assert structure_scores(all_levels, all_levels[::-1], LEVELS, ordered)["quadratic_kappa"] == -1


@pytest.mark.parametrize("structure", [LabelStructure("/"), LabelStructure(ordered=True)])
def test_groups_of_rows_score_as_the_rows_do(structure):
    labels = PATHS if structure.path_separator else LEVELS
    targets, predictions = drawn(labels, rows=7)
    sizes = np.random.default_rng(1).integers(0, 5, (3, 7)) + np.eye(7, dtype=int)[:3]
    found = structure_values(targets, predictions, sizes, labels, structure)
    for number, row in enumerate(sizes):
        rows = np.repeat(np.arange(7), row)
        expected = structure_scores(targets[rows], predictions[rows], labels, structure)
        assert {name: value[number] for name, value in found.items()} == pytest.approx(expected)


def test_they_stand_beside_the_usual_scores():
    targets, predictions = drawn(LEVELS)
    plain = single_label_scores(targets, predictions, LEVELS).values
    assert structure_scores(targets, predictions, LEVELS, NO_STRUCTURE) == {}
    ordered = LabelStructure(ordered=True)
    values = single_label_scores(targets, predictions, LEVELS, ordered).values
    assert values == plain | structure_scores(targets, predictions, LEVELS, ordered)

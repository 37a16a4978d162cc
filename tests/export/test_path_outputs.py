"""The way down a tree, against Python that sums and compares node by node."""

import hypothesis
import hypothesis.strategies as st
import numpy as np
import pytest
from random_trees import trees
from tiny_trained_models import make_trained_model

from keras_bert_cls.data.label_structure import LabelStructure
from keras_bert_cls.data.label_tree import LabelTree
from keras_bert_cls.export.path_outputs import path_outputs, path_problem
from keras_bert_cls.modeling.trained_model import ModelSettings

LABELS = ("a/x", "a/y", "b")


def reference(row, tree) -> list[tuple[str, float]]:
    names = [tree.names[leaf] for leaf in tree.leaves]

    def mass(node):
        return sum(p for p, name in zip(row, names, strict=True) if f"{name}/".startswith(node))

    path, here = [], ""
    while children := {
        f"{here}{name[len(here) :].split('/')[0]}/"
        for name in names
        if f"{name}/".startswith(here) and f"{name}/" != here
    }:
        here = max(children, key=mass)
        path.append((here[:-1], mass(here)))
    return path


@hypothesis.given(trees(), st.integers(0, 2**32 - 1))
@hypothesis.settings(max_examples=40, deadline=None)
def test_each_step_goes_to_the_most_probable_child(tree, seed):
    random = np.random.default_rng(seed)
    probabilities = random.dirichlet(np.ones(len(tree.leaves)), 3).astype(np.float32)
    outputs = path_outputs(probabilities, tree)
    labels, scores = outputs["path_labels"].numpy(), outputs["path_scores"].numpy()
    assert labels.shape == scores.shape == (3, len(tree.levels))
    for row, names, values in zip(probabilities, labels, scores, strict=True):
        expected = reference(row.astype(np.float64), tree)
        padding = len(names) - len(expected)
        assert [n.decode() for n in names] == [name for name, _ in expected] + [""] * padding
        np.testing.assert_allclose(values, [m for _, m in expected] + [0.0] * padding, atol=1e-6)


def test_the_path_may_end_elsewhere_than_the_most_probable_label():
    tree = LabelTree.from_labels(LABELS, "/")
    outputs = path_outputs(np.array([[0.3, 0.3, 0.4]], np.float32), tree)
    assert outputs["path_labels"].numpy().tolist() == [[b"a", b"a/x"]]
    np.testing.assert_allclose(outputs["path_scores"], [[0.6, 0.3]], rtol=1e-6)


def test_no_rows_have_no_paths():
    tree = LabelTree.from_labels(LABELS, "/")
    outputs = path_outputs(np.zeros((0, 3), np.float32), tree)
    assert outputs["path_labels"].shape == outputs["path_scores"].shape == (0, 2)


@pytest.mark.parametrize(
    ("best", "labels", "scores", "problem"),
    [
        (0, [b"a", b"a/x"], [0.9, 0.8], ""),
        (2, [b"b", b""], [0.8, 0.0], ""),
        (0, [b"b", b""], [0.1, 0.0], "the path of row 0 goes to b'b', expected 'a'."),
        (0, [b"a", b"b"], [0.9, 0.1], "the path of row 0 goes to b'b', expected 'a/x'."),
        (0, [b"a", b""], [0.9, 0.0], "the path of row 0 goes to b'', expected 'a/x'."),
        (0, [b"a", b"a/x"], [0.9, 0.7], "the score of b'a/x' in row 0 is 0.7, expected 0.8."),
        (2, [b"b", b"a/x"], [0.8, 0.1], "the path of row 0 goes on below a leaf to b'a/x'."),
    ],
)
def test_an_export_with_a_wrong_path_is_found_out(best, labels, scores, problem):
    trained = make_trained_model("single_label")
    structure = LabelStructure(path_separator="/")
    trained.settings = ModelSettings("single_label", LABELS, label_structure=structure)
    probabilities = np.full((1, 3), 0.1, np.float32)
    probabilities[0, best] = 0.8
    answer = {
        "label": np.array([LABELS[best].encode()], object),
        "probabilities": probabilities,
        "path_labels": np.array([labels], object),
        "path_scores": np.array([scores], np.float32),
    }
    assert path_problem(trained, answer) == problem

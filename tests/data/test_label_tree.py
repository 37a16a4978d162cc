"""Trees of labels, against sets of prefixes."""

import hypothesis
import hypothesis.strategies as st
import pytest

from keras_bert_cls.data.label_tree import LabelTree, inner_labels, label_path
from keras_bert_cls.errors import UserError

PART = st.sampled_from(["a", "b", "c", "猫", "a b"])
PATHS = st.lists(st.lists(PART, min_size=1, max_size=4).map("/".join), min_size=1, unique=True)


@hypothesis.given(PATHS)
def test_nodes_are_the_beginnings_of_the_labels(labels):
    labels = [label for label in labels if label not in inner_labels(labels, "/")]
    tree = LabelTree.from_labels(labels, "/")
    beginnings = {tuple(label.split("/")[:end]) for label in labels for end in range(1, 5)}
    assert {tuple(name.split("/")) for name in tree.names} == beginnings
    assert len(tree.names) == len(beginnings)
    assert [tree.names[node] for node in tree.leaves] == labels
    for name, parent in zip(tree.names, tree.parents, strict=True):
        above, _, _ = name.rpartition("/")
        assert above == ("" if parent < 0 else tree.names[parent])
    # Level by level, siblings together.
    depths = [name.count("/") for name in tree.names]
    assert depths == sorted(depths) and list(tree.parents) == sorted(tree.parents)
    assert [[depths[node] for node in level] for level in tree.levels] == [
        [depth] * depths.count(depth) for depth in range(max(depths) + 1)
    ]
    for label, path in zip(labels, tree.paths, strict=True):
        nodes = [tree.names[node] for node in path if node >= 0]
        assert tuple(nodes) == label_path(label, "/")
        assert path[len(nodes) :] == [-1] * (len(path) - len(nodes))


def test_short_paths_and_single_children_are_fine():
    tree = LabelTree.from_labels(["x", "y:z:w"], ":")
    assert tree.names == ("x", "y", "y:z", "y:z:w")
    assert tree.parents == (-1, -1, 1, 2)
    assert tree.leaves == (0, 3)
    assert tree.paths == [[0, -1, -1], [1, 2, 3]]


@pytest.mark.parametrize("label", ["/a", "a/", "a//b", "a /b", "/"])
def test_paths_with_holes_are_refused(label):
    with pytest.raises(UserError, match=f"label {label!r} is no path: .*with '/' between"):
        LabelTree.from_labels(["x", label], "/")


def test_a_label_that_others_go_on_from_is_refused():
    with pytest.raises(UserError, match=r"others go on from 'a', 'a/b'\. Give .* whole paths"):
        LabelTree.from_labels(["a/b/c", "a/b", "a", "ab"], "/")

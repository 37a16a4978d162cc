"""Trees of labels for property tests."""

import hypothesis.strategies as st

from keras_bert_cls.data.label_tree import LabelTree


@st.composite
def trees(draw) -> LabelTree:
    """Draws trees by giving each new node a parent among those before it."""
    size = draw(st.integers(1, 25))
    parents = [draw(st.integers(-1, node - 1)) for node in range(size)]
    names: list[str] = []
    for node, parent in enumerate(parents):
        names.append(f"{names[parent]}/{node}" if parent >= 0 else str(node))
    leaves = [names[node] for node in range(size) if node not in parents]
    return LabelTree.from_labels(draw(st.permutations(leaves)), "/")

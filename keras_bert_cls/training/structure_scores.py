"""Scores that know how labels relate: how far down a path is right, and how far off a level is."""

from collections.abc import Sequence

import numpy as np

from keras_bert_cls.data.label_structure import LabelStructure
from keras_bert_cls.data.label_tree import LabelTree

Values = dict[str, np.ndarray]


def structure_scores(
    targets: np.ndarray, predictions: np.ndarray, labels: Sequence[str], structure: LabelStructure
) -> dict[str, float]:
    """Scores label ids, int [rows] each; see `structure_values`. Nothing for plain labels."""
    pairs, sizes = np.unique(np.stack([targets, predictions]), axis=1, return_counts=True)
    values = structure_values(pairs[0], pairs[1], sizes[np.newaxis], labels, structure)
    return {name: float(value[0]) for name, value in values.items()}


def structure_values(
    targets: np.ndarray,
    predictions: np.ndarray,
    sizes: np.ndarray,
    labels: Sequence[str],
    structure: LabelStructure,
) -> Values:
    """Scores groups of rows.

    Args:
      targets, predictions: label ids of each group, int [groups].
      sizes: rows of each group in each of several data sets, [sets, groups].
      labels: the names of the ids.
      structure: how the labels relate.

    Returns:
      Scores by name, float64 [sets]. Of labels that are paths:
        accuracy_level_1, accuracy_level_2…: share of rows whose path is right down to this level;
          a path that ends above it counts as a whole. Accuracy is that of the last level.
        hierarchical_f1: of the nodes on the paths, over all rows together (Kiritchenko et al. 2006,
          "Learning and Evaluation in the Presence of Class Hierarchies").
      Of ordered labels:
        mean_absolute_error: the mean distance, in levels.
        quadratic_kappa: agreement beyond chance, weighted by the squared distance (Cohen 1968);
          0 where it is undefined, as there is one level only.
    """
    if tree := structure.tree(labels):
        return _path_values(targets, predictions, sizes, tree)
    if structure.ordered:
        return _level_values(targets, predictions, sizes, len(labels))
    return {}


def _path_values(
    targets: np.ndarray, predictions: np.ndarray, sizes: np.ndarray, tree: LabelTree
) -> Values:
    paths = np.array(tree.paths)
    wanted, found = paths[targets], paths[predictions]
    # Two paths part once: from there on no node is the same, and after their ends both have -1.
    same = np.logical_and.accumulate(wanted == found, axis=1)
    rows = sizes.sum(axis=1)
    values = {
        f"accuracy_level_{level + 1}": (sizes @ same[:, level]) / rows
        for level in range(paths.shape[1] - 1)
    }
    shared = (same & (wanted >= 0)).sum(axis=1)
    nodes = (wanted >= 0).sum(axis=1) + (found >= 0).sum(axis=1)
    return {**values, "hierarchical_f1": 2 * (sizes @ shared) / (sizes @ nodes)}


def _level_values(
    targets: np.ndarray, predictions: np.ndarray, sizes: np.ndarray, levels: int
) -> Values:
    distances = np.abs(targets - predictions)
    rows = sizes.sum(axis=1)
    numbers = np.arange(levels)
    squares = (numbers[:, np.newaxis] - numbers) ** 2
    wanted = sizes @ (targets[:, np.newaxis] == numbers)
    found = sizes @ (predictions[:, np.newaxis] == numbers)
    by_chance = ((wanted @ squares) * found).sum(axis=1) / rows
    observed = sizes @ distances**2
    kappa = 1 - np.divide(observed, by_chance, out=np.ones(len(rows)), where=by_chance > 0)
    return {"mean_absolute_error": (sizes @ distances) / rows, "quadratic_kappa": kappa}

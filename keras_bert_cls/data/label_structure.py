"""How the labels of a task relate to each other. Imports no TensorFlow."""

import dataclasses
import re
from collections.abc import Iterable, Sequence

from keras_bert_cls.data.label_tree import LabelTree

_INTEGER = re.compile(r"[+-]?[0-9]+")


@dataclasses.dataclass(frozen=True)
class LabelStructure:
    """What the names of labels do not say: that they make a tree, or stand in order.

    Attributes:
      path_separator: between the parts of labels that are paths; "" for labels without parts.
      ordered: whether the labels are levels, from the lowest to the highest.
    """

    path_separator: str = ""
    ordered: bool = False

    def tree(self, labels: Sequence[str]) -> LabelTree | None:
        """Returns the tree of labels that are paths; None of others."""
        return LabelTree.from_labels(labels, self.path_separator) if self.path_separator else None


NO_STRUCTURE = LabelStructure()


def are_integers(labels: Iterable[str]) -> bool:
    """Says whether all labels are whole numbers, which have an order of their own."""
    return all(_INTEGER.fullmatch(label) for label in labels)

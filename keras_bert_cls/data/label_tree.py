"""Labels that are paths in a tree, such as travel/book_flight. Needs no TensorFlow."""

import dataclasses
from collections.abc import Iterable, Sequence

from keras_bert_cls.errors import UserError

_MOST_NAMED = 5


@dataclasses.dataclass(frozen=True)
class LabelTree:
    """A tree of nodes whose leaves are the labels.

    Nodes are numbered level by level from the top, and siblings stand together; the root has no
    number. Paths may differ in length, and a node may have one child only.

    Attributes:
      names: of each node its whole path; of a leaf that is the label.
      parents: of each node its parent, -1 for those of the first level.
      leaves: of each label its node.
    """

    names: tuple[str, ...]
    parents: tuple[int, ...]
    leaves: tuple[int, ...]

    @classmethod
    def from_labels(cls, labels: Sequence[str], separator: str) -> "LabelTree":
        """Makes the tree of labels such as "travel/book_flight", with the separator "/".

        Raises:
          UserError: a part of a label is empty or has white space around it, or a label is the
            beginning of another one.
        """
        for label in labels:
            if problem := path_problem(label, separator):
                raise UserError(problem)
        paths = [label_path(label, separator) for label in labels]
        if inner := inner_labels(labels, separator):
            told = ", ".join(map(repr, sorted(inner)[:_MOST_NAMED]))
            raise UserError(
                f"labels are leaves of the tree, but the paths of others go on from {told}. Give "
                "these rows whole paths, such as one that ends with 'other'"
            )
        names: list[str] = []
        parents: list[int] = []
        numbers: dict[str, int] = {}
        for level in range(max(map(len, paths))):
            above = {path[level]: path[level - 1] for path in paths if len(path) > level}
            parent_of = {node: numbers[above[node]] if level else -1 for node in above}
            for node in sorted(above, key=parent_of.__getitem__):
                numbers[node] = len(names)
                names.append(node)
                parents.append(parent_of[node])
        return cls(tuple(names), tuple(parents), tuple(numbers[label] for label in labels))

    @property
    def levels(self) -> list[range]:
        """The nodes of each level, from the top."""
        found: list[range] = []
        start = 0
        while start < len(self.parents):
            first = found[-1].start if found else -1
            end = start
            while end < len(self.parents) and first <= self.parents[end] < start:
                end += 1
            found.append(range(start, end))
            start = end
        return found

    @property
    def paths(self) -> list[list[int]]:
        """Of each label its nodes from the top, [labels, levels]; -1 after a short path."""
        levels, table = len(self.levels), []
        for node in self.leaves:
            path: list[int] = []
            while node >= 0:
                path.insert(0, node)
                node = self.parents[node]
            table.append(path + [-1] * (levels - len(path)))
        return table


def label_path(label: str, separator: str) -> tuple[str, ...]:
    """Returns the nodes of a label from the top: "a/b/c" gives a, a/b, a/b/c."""
    parts = label.split(separator)
    return tuple(separator.join(parts[: end + 1]) for end in range(len(parts)))


def path_problem(label: str, separator: str) -> str:
    """Returns what is wrong with a label as a path; "" if it is one."""
    if all(part and part == part.strip() for part in label.split(separator)):
        return ""
    return (
        f"label {label!r} is no path: expected parts with {separator!r} between them, none of them "
        "empty or with white space around it"
    )


def inner_labels(labels: Iterable[str], separator: str) -> set[str]:
    """Returns the labels that are the beginning of another one's path."""
    labels = set(labels)
    return labels & {node for label in labels for node in label_path(label, separator)[:-1]}

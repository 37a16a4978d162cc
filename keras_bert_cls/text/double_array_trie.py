"""A trie as the array of 32-bit units that tf-text reads ("Darts-clone").

Format: https://github.com/s-yata/darts-clone. A unit is either a node,
    bits 0-7: its label, the byte that leads to it;
    bit 8: whether it has a value;
    bits 10-30: its offset; the child under a label stands at index ^ offset ^ label;
or, with bit 31 set, the value of its parent, which stands at the parent's index ^ offset.
"""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

_VALUE_UNIT = 1 << 31
_HAS_VALUE = 1 << 8
_OFFSET_SHIFT = 10
_MAX_UNITS = 1 << 21  # what an offset can reach
_FIRST_BASE = 256  # from here on no child falls on the root at 0
_SCAN = 4096


class _Node(NamedTuple):
    value: int | None
    children: tuple[tuple[int, int], ...]  # (label, number of the node), by label

    def labels(self) -> list[int]:
        """Returns what stands at base ^ label; the value stands at the base itself."""
        return [0] * (self.value is not None) + [label for label, _ in self.children]


def build_double_array_trie(values: Mapping[bytes, int]) -> np.ndarray:
    """Builds the array; equal subtrees are stored once.

    Args:
      values: from keys, not empty and without zero bytes, to numbers below 2**31.

    Returns:
      uint32 [units], the same for the same keys and values in any order.
    """
    nodes = _merge_equal_subtrees(values)
    bases, size = _place(nodes)
    units = np.zeros(size, np.uint32)
    for base, node in zip(bases, nodes, strict=True):
        if node.value is not None:
            units[base] = _VALUE_UNIT | node.value
        for label, child in node.children:
            index = base ^ label
            has_value = _HAS_VALUE if nodes[child].value is not None else 0
            units[index] = label | has_value | (index ^ bases[child]) << _OFFSET_SHIFT
    units[0] = bases[-1] << _OFFSET_SHIFT
    return units


def _merge_equal_subtrees(values: Mapping[bytes, int]) -> list[_Node]:
    """Returns the distinct nodes, children before parents, the root last."""
    root: dict = {}
    for key in sorted(values):
        below = root
        for byte in key:
            below = below.setdefault(byte, {})
        below[None] = values[key]
    numbers: dict[_Node, int] = {}

    def number_of(below: dict) -> int:
        value = below.pop(None, None)
        children = tuple((label, number_of(child)) for label, child in below.items())
        return numbers.setdefault(_Node(value, children), len(numbers))

    number_of(root)
    return list(numbers)


def _place(nodes: list[_Node]) -> tuple[list[int], int]:
    """Gives every node a base of its own such that no two units share an index.

    Returns:
      The bases, and the number of units, a multiple of 256.
    """
    used = np.zeros(_MAX_UNITS, bool)
    taken = np.zeros(_MAX_UNITS, bool)
    bases = [0] * len(nodes)
    start: dict[int, int] = {}  # where nodes with so many labels may still fit
    for number in sorted(range(len(nodes)), key=lambda n: (-len(nodes[n].labels()), n)):
        labels = nodes[number].labels()
        base = _first_fit(np.array(labels), start.get(len(labels), _FIRST_BASE), used, taken)
        start[len(labels)] = bases[number] = base
        taken[base] = True
        used[base ^ np.array(labels)] = True
    return bases, (int(np.flatnonzero(used)[-1]) | 255) + 1


def _first_fit(labels: np.ndarray, start: int, used: np.ndarray, taken: np.ndarray) -> int:
    for first in range(start, _MAX_UNITS - _SCAN, _SCAN):
        candidates = np.arange(first, first + _SCAN)
        fits = ~taken[candidates]
        for label in labels:
            fits &= ~used[candidates ^ label]
        if fits.any():
            return first + int(np.argmax(fits))
    raise ValueError("the trie is too large for the format")

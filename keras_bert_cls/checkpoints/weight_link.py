"""How a weight of ours lies in the file of another library; read in both directions."""

import dataclasses
from collections.abc import Mapping

import numpy as np

Shape = tuple[int, ...]


@dataclasses.dataclass(frozen=True)
class WeightLink:
    """Where a weight of ours is in another library's checkpoint.

    Attributes:
      names: the tensors there. Several are parts of ours, side by side on its last axis, as query,
        key and value are.
      transposed: whether each is the transpose of its part.
      shape: of each of them where it is not the shape of the part, such as heads on axes of their
        own; the order of the numbers is the same.
    """

    names: tuple[str, ...]
    transposed: bool = False
    shape: Shape | None = None

    def split(self, weight: np.ndarray) -> dict[str, np.ndarray]:
        """Returns what the other library stores for a weight of ours."""
        parts = np.split(weight, len(self.names), axis=-1)
        return {n: self._to_theirs(part) for n, part in zip(self.names, parts, strict=True)}

    def join(self, tensors: Mapping[str, np.ndarray], shape: Shape) -> np.ndarray:
        """Returns our weight, of `shape`, from the other library's tensors."""
        width = shape[-1] // len(self.names)
        parts = [self._to_ours(tensors[name], (*shape[:-1], width)) for name in self.names]
        return np.concatenate(parts, axis=-1)

    def shapes(self, shape: Shape) -> dict[str, Shape]:
        """Returns the shape that each tensor has there if our weight has `shape`."""
        part = (*shape[:-1], shape[-1] // len(self.names))
        theirs = self.shape or (part[::-1] if self.transposed else part)
        return dict.fromkeys(self.names, theirs)

    def _to_theirs(self, part: np.ndarray) -> np.ndarray:
        part = part.T if self.transposed else part
        return np.ascontiguousarray(part.reshape(self.shape or part.shape))

    def _to_ours(self, tensor: np.ndarray, part_shape: Shape) -> np.ndarray:
        return tensor.T if self.transposed else tensor.reshape(part_shape)

"""A tensor in a checkpoint's file: its shape is known, its values are read when they are needed."""

import dataclasses
from collections.abc import Callable

import numpy as np


@dataclasses.dataclass(frozen=True)
class StoredTensor:
    """A tensor by its shape.

    Attributes:
      shape: its shape.
      read: reads the values, of any dtype that numpy turns into float32.
    """

    shape: tuple[int, ...]
    read: Callable[[], np.ndarray]

    def values(self) -> np.ndarray:
        """Returns the values, float32."""
        return np.asarray(self.read()).astype(np.float32)

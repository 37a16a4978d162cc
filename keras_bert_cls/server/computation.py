"""What is left of a request once it is checked: arrays for a signature."""

import dataclasses

import numpy as np

from keras_bert_cls.server.servable import Servable
from keras_bert_cls.server.signature import Signature
from keras_bert_cls.server.status_errors import invalid_argument


@dataclasses.dataclass(frozen=True, eq=False)
class Computation:
    """One run of a signature.

    Attributes:
      servable: the version that answers.
      signature: one of its signatures.
      inputs: alias -> array of the declared type and shape.
      outputs: aliases of the wanted outputs, sorted.
      rows: size of the first dimension of the inputs; 1 where they have none.
      api: TensorFlow Serving's name of the call, such as "Predict".
    """

    servable: Servable
    signature: Signature
    inputs: dict[str, np.ndarray]
    outputs: tuple[str, ...]
    rows: int
    api: str = "Predict"

    @property
    def batch_key(self) -> tuple[object, ...]:
        """Computations of the same key may be merged, if the signature merges rows at all."""
        return self.servable, self.signature.name, self.outputs

    def parts(self, rows: int) -> list["Computation"]:
        """Returns computations of `rows` of the rows each, in order; the last may have fewer."""
        starts = range(0, self.rows, rows)
        return [
            dataclasses.replace(
                self,
                inputs={alias: array[i : i + rows] for alias, array in self.inputs.items()},
                rows=min(rows, self.rows - i),
            )
            for i in starts
        ]

    def run(self) -> dict[str, np.ndarray]:
        """Returns an array for each output; raises ServingError."""
        return self.servable.run(self.signature, self.inputs, self.outputs)


def checked_computation(
    servable: Servable,
    signature: Signature,
    inputs: dict[str, np.ndarray],
    outputs: tuple[str, ...],
    api: str,
) -> Computation:
    """Returns the computation, or raises ServingError if the inputs do not fit the signature."""
    signature.check_inputs(inputs)
    rows = {array.shape[0] for array in inputs.values() if array.ndim}
    if len(rows) > 1:
        raise invalid_argument("Batching Run() input tensors must have equal 0th-dimension size")
    return Computation(
        servable, signature, inputs, tuple(sorted(outputs)), rows.pop() if rows else 1, api
    )


def merged(computations: list[Computation]) -> Computation:
    """Returns one computation over the rows of all, which share their key."""
    first = computations[0]
    if len(computations) == 1:
        return first
    inputs = {
        alias: np.concatenate([computation.inputs[alias] for computation in computations])
        for alias in first.inputs
    }
    return dataclasses.replace(first, inputs=inputs, rows=sum(c.rows for c in computations))


def split(outputs: dict[str, np.ndarray], rows: list[int]) -> list[dict[str, np.ndarray]]:
    """Returns the outputs of each of the computations that had `rows` rows, in their order."""
    ends = np.cumsum(rows)
    return [
        {alias: array[end - count : end] for alias, array in outputs.items()}
        for end, count in zip(ends, rows, strict=True)
    ]

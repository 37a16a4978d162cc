"""Values of variables: copied while a run goes on, written to a file, read back."""

import itertools
import os
from collections.abc import Iterable, Iterator, Mapping

import tensorflow as tf

_NAMED = 3  # variables of each kind that an error names


class MismatchError(ValueError):
    """A file holds other variables than the ones to be read."""


class Snapshot:
    """The values that variables have now; what happens to them later changes nothing.

    Args:
      step: updates done.
      variables: by name; of any tf.distribute strategy. Copies of one variable on several devices
        are the same, so one of them is taken.
    """

    def __init__(self, step: int, variables: Mapping[str, tf.Variable]):
        self.step = step
        with tf.device("CPU:0"):
            # What is read of a variable on the CPU shares its memory until the next update, which
            # would then have to make the copy, and keep it right in every kernel.
            self._tensors = {
                name: tf.raw_ops.DeepCopy(x=variable.read_value())
                for name, variable in variables.items()
            }

    def write(self, prefix: str | os.PathLike) -> None:
        """Writes the files PREFIX.*, in TensorFlow's format of checkpoints.

        Raises:
          tf.errors.OpError: they can't be written.
        """
        with tf.device("CPU:0"):
            tf.raw_ops.SaveV2(
                prefix=os.fspath(prefix),
                tensor_names=list(self._tensors),
                shape_and_slices=[""] * len(self._tensors),
                tensors=list(self._tensors.values()),
            )


def read_snapshot(prefix: str | os.PathLike, variables: Mapping[str, tf.Variable]) -> None:
    """Gives variables the values in the files PREFIX.*, all or none of them.

    Raises:
      MismatchError: the files hold other names, shapes or dtypes.
      tf.errors.OpError: they can't be read.
    """
    reader = tf.train.load_checkpoint(os.fspath(prefix))
    shapes, dtypes = reader.get_variable_to_shape_map(), reader.get_variable_to_dtype_map()
    found = {name: _kind(dtypes[name], shapes[name]) for name in shapes}
    expected = {name: _kind(v.dtype, v.shape.as_list()) for name, v in variables.items()}
    problems = [
        *_listed("not in the checkpoint", expected.keys() - found.keys()),
        *_listed("not in the model", found.keys() - expected.keys()),
        *_listed(
            "unlike",
            (
                f"{name} ({found[name]} in the checkpoint, {expected[name]} in the model)"
                for name in expected.keys() & found.keys()
                if found[name] != expected[name]
            ),
        ),
    ]
    if problems:
        raise MismatchError("; ".join(problems))
    for name, variable in variables.items():
        variable.assign(reader.get_tensor(name))


def flatten(state: Mapping) -> dict[str, tf.Variable]:
    """Returns the variables of nested dicts by their paths: keys joined by "/".

    Raises:
      ValueError: two have the same path.
    """
    flat: dict[str, tf.Variable] = {}
    for name, variable in _leaves(state):
        if name in flat:
            raise ValueError(f"two variables of the state have the name {name}")
        flat[name] = variable
    return flat


def _leaves(state: Mapping) -> Iterator[tuple[str, tf.Variable]]:
    for key, value in state.items():
        if isinstance(value, Mapping):
            yield from ((f"{key}/{name}", variable) for name, variable in _leaves(value))
        else:
            yield key, value


def _kind(dtype: tf.DType, shape: list[int]) -> str:
    return f"{dtype.name} {shape}"


def _listed(what: str, names: Iterable[str]) -> list[str]:
    """Returns one sentence part that names the first few; none if there are no names."""
    ordered = sorted(names)
    if not ordered:
        return []
    more = f" and {len(ordered) - _NAMED:,} more" if len(ordered) > _NAMED else ""
    return [f"{what}: {', '.join(itertools.islice(ordered, _NAMED))}{more}"]

"""The tensors of a Keras weights file (HDF5)."""

import pathlib
from typing import Any

import h5py

from keras_bert_cls.checkpoints.stored_tensor import StoredTensor
from keras_bert_cls.errors import UserError


def read_hdf5(file: Any, source: str | pathlib.Path, prefix: str = "") -> dict[str, StoredTensor]:
    """Opens a weights file.

    Args:
      file: its path, or a binary file.
      source: names it in messages.
      prefix: put before every name.

    Returns:
      The tensors by the path of groups, such as "layers/dense/vars/0".

    Raises:
      UserError: it is no HDF5 file.
    """
    try:
        content = h5py.File(file, "r")
    except OSError as error:
        raise UserError(f"{source} could not be read as HDF5: {error}") from error
    tensors: dict[str, StoredTensor] = {}

    def read(name: str, dataset: h5py.Dataset):
        if dataset.dtype.kind not in "fiu":
            raise UserError(
                f"{source}: {name} is stored as {dataset.dtype}. Save the model in float32."
            )
        return dataset[()]

    def visit(name: str, entry: object) -> None:  # goes along no link to another file
        if isinstance(entry, h5py.Dataset):
            tensors[f"{prefix}{name}"] = StoredTensor(entry.shape, lambda: read(name, entry))

    content.visititems(visit)
    return tensors

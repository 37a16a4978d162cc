"""What a path to a model names: a finished run, or an export."""

import os
import pathlib
from typing import NamedTuple

from keras_bert_cls.errors import UserError
from keras_bert_cls.export.versions import SAVED_MODEL_FILE, find_saved_model

RUN_FILE = "model.keras"


class FoundModel(NamedTuple):
    """A model on the disk.

    Attributes:
      folder: the run's, or that of one version of an export.
      is_run: whether it is a run.
    """

    folder: pathlib.Path
    is_run: bool


def find_model(path: str | os.PathLike) -> FoundModel:
    """Returns the model that `path` names.

    Args:
      path: the --workdir of a finished run, the --output of bertcls-export (the newest version is
        taken), or one version in it.

    Raises:
      UserError: there is none.
    """
    folder = pathlib.Path(path)
    if (folder / RUN_FILE).is_file():
        return FoundModel(folder, is_run=True)
    version = find_saved_model(folder)
    if version is None:
        raise UserError(
            f"{folder} holds no model. Expected the --workdir of a finished run (with {RUN_FILE}), "
            "or an export: a folder with numbered versions, or one version (with "
            f"{SAVED_MODEL_FILE})."
        )
    return FoundModel(version, is_run=False)

"""Folders that are there as a whole or not at all."""

import os
import pathlib
import shutil
from collections.abc import Callable

from keras_bert_cls.errors import UserError


def write_new_folder(path: str | os.PathLike, write: Callable[[pathlib.Path], None]) -> None:
    """Makes a folder: `write` fills one beside it, which is then renamed.

    Raises:
      UserError: there is something at `path` already.
    """
    target = pathlib.Path(path)
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise UserError(f"{target} exists and is not empty: name a new folder, or remove it")
    temporary = target.with_name(f".writing-{target.name}")
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir(parents=True)
    try:
        write(temporary)
        os.replace(temporary, target)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)

"""Finds out before the work whether there is a place for its result."""

import os
import pathlib
import tempfile

from keras_bert_cls.errors import UserError


def check_output_file(flag: str, output: str | os.PathLike) -> None:
    """Makes the folder of a file that is to be written; raises UserError if it cannot be."""
    path = pathlib.Path(output)
    if path.is_dir():
        raise UserError(f"{flag}: expected a file to write, {path} is a folder")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path.parent):
            pass
    except OSError as error:
        raise UserError(f"{flag}: cannot write {path}: {error.strerror}") from error


def check_output_folder(flag: str, output: str | os.PathLike) -> None:
    """Raises UserError if a file lies where a folder is to be; makes nothing."""
    for path in (pathlib.Path(output), *pathlib.Path(output).parents):
        if path.exists():
            if not path.is_dir():
                raise UserError(f"{flag} {output}: {path} is a file, expected a folder")
            return

"""Version folders as TensorFlow Serving reads them: base/<number>/, each complete or not there.

The server polls the base path and loads a folder as soon as its name is a number, so an export is
written under another name beside it, flushed to the disk, and renamed.
"""

import os
import pathlib
import re
import shutil
import uuid
from collections.abc import Callable

from keras_bert_cls.errors import UserError

SAVED_MODEL_FILE = "saved_model.pb"
_LARGEST_VERSION = 2**63 - 1  # TensorFlow Serving keeps versions in an int64.
_UNFINISHED_PREFIX = ".exporting-"


def list_versions(base: str | os.PathLike) -> dict[int, pathlib.Path]:
    """Returns version -> path of what TensorFlow Serving takes for versions, in rising order.

    Leading zeros are allowed, as in the server; a `base` that does not exist has no versions.
    """
    try:
        entries = list(pathlib.Path(base).iterdir())
    except (FileNotFoundError, NotADirectoryError):
        return {}
    numbered = [(int(e.name), e) for e in entries if re.fullmatch("[0-9]+", e.name)]
    return dict(sorted(numbered))


def find_saved_model(folder: str | os.PathLike) -> pathlib.Path | None:
    """Returns the SavedModel that `folder` is, or the newest version that it holds, or None."""
    candidates = [pathlib.Path(folder), *reversed(list_versions(folder).values())]
    return next((path for path in candidates if (path / SAVED_MODEL_FILE).is_file()), None)


def write_version(
    base: str | os.PathLike,
    write: Callable[[pathlib.Path], None],
    version: int | None = None,
) -> pathlib.Path:
    """Lets `write` fill an empty folder, then makes it base/<version>/ in one step.

    If `write` raises, nothing is left. If the process dies, a hidden folder is left that no server
    loads and no later export minds.

    Args:
      base: the folder of all versions; made if missing.
      write: is called with the temporary folder, which lies inside `base`.
      version: the number; one more than the highest by default.

    Returns:
      The folder of the new version.

    Raises:
      UserError: the version exists, or is not one that TensorFlow Serving can load.
    """
    base = pathlib.Path(base)
    _free_version(base, version)  # Refuses a wrong number before any work.
    # Not tempfile.mkdtemp: its 0700 would lock out a server that runs as another user.
    unfinished = base / f"{_UNFINISHED_PREFIX}{uuid.uuid4().hex}"
    unfinished.mkdir(parents=True)
    try:
        write(unfinished)
        _flush_to_disk(unfinished)
        return _publish(unfinished, base, version)
    except BaseException:
        shutil.rmtree(unfinished, ignore_errors=True)
        raise


def _publish(unfinished: pathlib.Path, base: pathlib.Path, version: int | None) -> pathlib.Path:
    while True:
        number = _free_version(base, version)
        try:
            os.rename(unfinished, base / str(number))
        except OSError:
            if number not in list_versions(base):
                raise
            # Another export took the number since the listing: look again.
        else:
            _flush_entry(base)
            return base / str(number)


def _free_version(base: pathlib.Path, version: int | None) -> int:
    """Returns `version`, or the next one for None; UserError if it is taken or impossible."""
    existing = list_versions(base)
    number = max(existing, default=0) + 1 if version is None else version
    if not 0 <= number <= _LARGEST_VERSION:
        raise UserError(
            f"a version is a number from 0 to {_LARGEST_VERSION}, got {number} for {base}"
        )
    if number in existing:
        raise UserError(
            f"version {number} exists: {existing[number]}. Give a number above {max(existing)}, or "
            "none to take the next."
        )
    return number


def _flush_to_disk(folder: pathlib.Path) -> None:
    """Makes a full disk show now, and keeps the rename from overtaking the data in a power cut."""
    for parent, _, files in os.walk(folder):
        for name in files:
            _flush_entry(pathlib.Path(parent) / name)
        _flush_entry(pathlib.Path(parent))


def _flush_entry(path: pathlib.Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

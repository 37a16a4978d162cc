"""A folder that is whole or not there, and knows when it was damaged since."""

import hashlib
import json
import os
import pathlib
import shutil
from collections.abc import Callable

_MANIFEST = "manifest.json"
_TEMPORARY = ".writing-"


def write_folder(
    folder: pathlib.Path, progress: dict, write_files: Callable[[pathlib.Path], None]
) -> None:
    """Writes a folder beside its place and renames it; on the disk when this returns.

    Args:
      folder: replaced if it is there.
      progress: to be put into the manifest, beside the SHA-256 of every file.
      write_files: writes files into a folder that it is given.
    """
    temporary = folder.with_name(_TEMPORARY + folder.name)
    shutil.rmtree(temporary, ignore_errors=True)
    try:
        temporary.mkdir(parents=True)
        write_files(temporary)
        digests = {path.name: _digest(path) for path in sorted(temporary.iterdir())}
        manifest = {"progress": progress, "sha256": digests}
        (temporary / _MANIFEST).write_text(json.dumps(manifest, indent=2), encoding="utf-8")
        for path in (*temporary.iterdir(), temporary):
            _flush(path)
        shutil.rmtree(folder, ignore_errors=True)
        os.rename(temporary, folder)
        _flush(folder.parent)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def remove_remains(parent: pathlib.Path) -> None:
    """Removes what a process left in `parent` that was killed while it wrote a folder."""
    for remains in parent.glob(f"{_TEMPORARY}*"):
        shutil.rmtree(remains, ignore_errors=True)


def damage(folder: pathlib.Path) -> str | None:
    """Returns how a folder differs from what was written; None if it does not."""
    try:
        manifest = _manifest(folder)
        for name, digest in manifest["sha256"].items():
            if _digest(folder / name) != digest:
                return f"{name} has another SHA-256 than when it was written"
    except (OSError, ValueError) as error:
        return str(error)
    return None


def read_progress(folder: pathlib.Path) -> dict:
    """Returns the progress that a folder was written with."""
    return _manifest(folder)["progress"]


def _manifest(folder: pathlib.Path) -> dict[str, dict]:
    path = folder / _MANIFEST
    manifest = json.loads(path.read_text(encoding="utf-8"))
    if not isinstance(manifest, dict) or not all(
        isinstance(manifest.get(part), dict) for part in ("progress", "sha256")
    ):
        raise ValueError(f"{_MANIFEST} lacks progress or sha256")
    return manifest


def _digest(path: pathlib.Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _flush(path: pathlib.Path) -> None:
    """Waits until a file, or the names in a folder, are on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

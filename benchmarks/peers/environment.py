"""Environments of the peers: each in a venv of its own, so that none decides our versions."""

import pathlib
import subprocess
import sys
import venv
from collections.abc import Sequence


def peer_python(folder: pathlib.Path, packages: Sequence[str]) -> pathlib.Path:
    """Returns the Python of an environment with `packages`, which is made when missing."""
    python = folder / "bin" / "python"
    complete = folder / "complete"
    if not complete.exists():
        print(f"installing {', '.join(packages)} into {folder}", file=sys.stderr)
        venv.create(folder, with_pip=True, clear=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", *packages], check=True)
        complete.touch()
    return python

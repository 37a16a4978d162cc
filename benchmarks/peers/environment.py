"""Environments of the peers: each in a venv of its own, so that none decides our versions."""

import os
import pathlib
import subprocess
import sys
import venv
from collections.abc import Sequence

# Beside PyTorch, so that models can be converted for ONNX Runtime.
INFERENCE_PACKAGES = ("torch>=2.6", "transformers>=5", "onnx>=1.17", "onnxruntime>=1.20", "grpcio")


def peer_python(
    folder: pathlib.Path, packages: Sequence[str], given: str | None = None
) -> pathlib.Path:
    """Returns the Python of an environment with `packages`, which is made when missing.

    Args:
      folder: of the environment.
      packages: requirements, as pip takes them.
      given: a Python that has them; by default $BENCHMARK_PEER_PYTHON.
    """
    given = given or os.environ.get("BENCHMARK_PEER_PYTHON")
    if given:
        return pathlib.Path(given)
    python = folder / "bin" / "python"
    complete = folder / "complete"
    if not complete.exists():
        print(f"installing {', '.join(packages)} into {folder}", file=sys.stderr)
        venv.create(folder, with_pip=True, clear=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", *packages], check=True)
        complete.touch()
    return python

"""The environment of the peers: a venv of its own, so that they do not decide our versions."""

import os
import pathlib
import subprocess
import sys
import venv

_FOLDER = pathlib.Path("runs/bench/peer")
# ONNX beside PyTorch, so that models can be converted for ONNX Runtime.
_PACKAGES = (
    "torch>=2.6",
    "transformers>=5",
    "accelerate>=1",
    "onnx>=1.17",
    "onnxruntime>=1.20",
    "grpcio",
)


def peer_python(given: str | None = None, folder: pathlib.Path = _FOLDER) -> pathlib.Path:
    """Returns the Python of the peers' environment, which is made when missing.

    Args:
      given: a Python that has the packages; by default $BENCHMARK_PEER_PYTHON.
      folder: of the environment.
    """
    given = given or os.environ.get("BENCHMARK_PEER_PYTHON")
    if given:
        return pathlib.Path(given)
    python = folder / "bin" / "python"
    complete = folder / "complete"
    if not complete.exists():
        print(f"installing {', '.join(_PACKAGES)} into {folder}", file=sys.stderr)
        venv.create(folder, with_pip=True, clear=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", *_PACKAGES], check=True)
        complete.touch()
    return python

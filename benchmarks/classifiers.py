"""The contenders that classify texts, each with the same model."""

import contextlib
import pathlib
import sys
from collections.abc import Iterator, Sequence

import numpy as np

from benchmarks.contender import Contender, thread_variables
from benchmarks.models import ModelFiles

# Worker, its environment, its model's folder, and how to load it.
_CONTENDERS: dict[str, tuple[str, str, str, dict[str, object]]] = {
    "ours fp32": ("benchmarks.our_model", "ours", "exports/1", {}),
    "ours bf16": ("benchmarks.our_model", "ours", "exports/2", {}),
    "ours branched fp32": ("benchmarks.our_model", "ours", "exports/3", {}),
    "ours branched bf16": ("benchmarks.our_model", "ours", "exports/4", {}),
    "ONNX Runtime fp32": ("benchmarks.peers.onnx_model", "peer", "huggingface", {}),
    "ONNX Runtime int8": (
        "benchmarks.peers.onnx_model",
        "peer",
        "huggingface",
        {"precision": "int8"},
    ),
    "PyTorch fp32": ("benchmarks.peers.torch_model", "peer", "huggingface", {}),
    "PyTorch bf16": (
        "benchmarks.peers.torch_model",
        "peer",
        "huggingface",
        {"precision": "bfloat16"},
    ),
    "PyTorch compiled": (
        "benchmarks.peers.torch_model",
        "peer",
        "huggingface",
        {"compiled": True},
    ),
    "keras-nlp": ("benchmarks.peers.keras_nlp_model", "ours", "keras_nlp", {}),
}
NAMES = tuple(_CONTENDERS)
# Branches are for one text at a time.
FOR_BATCHES = tuple(name for name in NAMES if "branched" not in name)
# The probabilities of these must be those of our fp32. Others round more, and keras-nlp's tokenizer
# gives other ids for some Chinese texts: their differences are told.
EXACT = tuple(name for name in NAMES if not name.endswith(("bf16", "int8", "keras-nlp")))
_LIMIT = 1e-4


@contextlib.contextmanager
def started(
    names: Sequence[str], files: ModelFiles, python: pathlib.Path, threads: int = 0
) -> Iterator[dict[str, Contender]]:
    """Starts contenders and loads their models.

    Args:
      names: of NAMES.
      files: the model.
      python: of the peers' environment.
      threads: of an operation; 0 leaves each its own choice.
    """
    environment = thread_variables(threads)
    with contextlib.ExitStack() as stack:
        contenders = {}
        for name in names:
            module, home, folder, options = _CONTENDERS[name]
            log = files.folder / f"{name}.log"
            worker = Contender(
                module, log, python if home == "peer" else sys.executable, environment
            )
            contenders[name] = stack.enter_context(worker)
            path = str(files.folder / folder)
            if module == "benchmarks.peers.onnx_model":
                worker.ask("convert", folder=path)
            worker.ask("load", folder=path, **options)
        yield contenders


def path_of(name: str, files: ModelFiles) -> pathlib.Path:
    """Returns what a contender loads: a folder, or a file."""
    path = files.folder / _CONTENDERS[name][2]
    onnx = {"ONNX Runtime fp32": "model.onnx", "ONNX Runtime int8": "int8.onnx"}
    return path / onnx.get(name, "model.safetensors") if path.name == "huggingface" else path


def differences(contenders: dict[str, Contender], texts: list[str]) -> dict[str, float]:
    """Returns the largest difference of a probability from that of our fp32.

    Raises:
      RuntimeError: one that should compute the same does not.
    """
    found = {
        name: np.array(one.ask("predict", batches=[texts], answers=True)["probabilities"])
        for name, one in contenders.items()
    }
    base = found["ours fp32"]
    result = {name: float(np.abs(values - base).max()) for name, values in found.items()}
    wrong = {name: value for name, value in result.items() if name in EXACT and value > _LIMIT}
    if wrong:
        raise RuntimeError(f"these compute something else than our fp32: {wrong}")
    return result


def interleaved_seconds(
    contenders: dict[str, Contender],
    batches: list[list[str]],
    rounds: int,
    clock: str = "seconds",
) -> dict[str, list[list[float]]]:
    """Lets each classify the batches once to warm up, then all in turn.

    Args:
      contenders: by name.
      batches: of texts.
      rounds: turns of each.
      clock: "seconds" that pass, or "processor_seconds", which other programs disturb little: they
        are what a contender needs if it has one thread.

    Returns:
      The seconds of every batch of every round, by name.
    """
    seconds: dict[str, list[list[float]]] = {name: [] for name in contenders}
    for number in range(-1, rounds):
        for name, contender in contenders.items():
            found = contender.ask("predict", batches=batches)[clock]
            if number >= 0:
                seconds[name].append(found)
    return seconds

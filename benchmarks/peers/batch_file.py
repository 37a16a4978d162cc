"""Batches in one .npz file, each array under NUMBER/NAME. Needs numpy only."""

import os

import numpy as np


def write_batches(file: str | os.PathLike, batches: list[dict[str, np.ndarray]]) -> None:
    """Writes batches."""
    named = {
        f"{i}/{name}": array for i, batch in enumerate(batches) for name, array in batch.items()
    }
    np.savez(file, **named)


def read_batches(file: str | os.PathLike) -> list[dict[str, np.ndarray]]:
    """Reads what `write_batches` wrote."""
    batches: dict[int, dict[str, np.ndarray]] = {}
    with np.load(file) as content:
        for key in content.files:
            number, name = key.split("/")
            batches.setdefault(int(number), {})[name] = content[key]
    return [batches[number] for number in sorted(batches)]

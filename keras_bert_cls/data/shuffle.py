"""A random order of n rows that needs no memory: row(position) is computed, not looked up."""

import numpy as np

_ROUNDS = 6
_MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)  # 2**64 / golden ratio, as in splitmix64


def shuffled_rows(positions: np.ndarray, count: int, seed: tuple[int, ...]) -> np.ndarray:
    """Returns the rows that stand at `positions` of a random order of `count` rows.

    A Feistel network permutes the smallest power of four that holds `count`; what falls outside
    is sent through again until it falls inside (Black and Rogaway 2002, "cycle walking"). The
    result is a bijection of [0, count) that depends on (count, seed) only.

    Args:
      positions: integers in [0, count), any shape.
      count: number of rows.
      seed: integers of at least 0, such as (seed, epoch).

    Returns:
      int64, shaped as `positions`.
    """
    half_bits = max(1, (max(count - 1, 1).bit_length() + 1) // 2)
    keys = np.random.SeedSequence(seed).generate_state(_ROUNDS, np.uint64)
    values = np.asarray(positions, np.uint64).copy()
    outside = np.ones(values.shape, bool)
    while outside.any():
        values[outside] = _permute(values[outside], keys, half_bits)
        outside = values >= np.uint64(count)
    return values.astype(np.int64)


def _permute(values: np.ndarray, keys: np.ndarray, half_bits: int) -> np.ndarray:
    shift, low_bits = np.uint64(half_bits), np.uint64((1 << half_bits) - 1)
    left, right = values >> shift, values & low_bits
    for key in keys:
        left, right = right, left ^ (_mix(right + key) & low_bits)
    return (left << shift) | right


def _mix(values: np.ndarray) -> np.ndarray:
    """Scrambles 64 bits (the finalizer of splitmix64)."""
    values = (values ^ (values >> np.uint64(30))) * _MULTIPLIER
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))

import itertools

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from keras_bert_cls.text.double_array_trie import build_double_array_trie

keys = st.binary(min_size=1, max_size=5).filter(lambda key: 0 not in key)
tables = st.dictionaries(keys, st.integers(0, 2**31 - 1), min_size=1, max_size=60)


def look_up(units: np.ndarray, key: bytes) -> int | None:
    """Walks the array as Darts-clone's exactMatchSearch is documented to."""
    index = 0
    unit = int(units[0])
    for byte in key:
        index ^= unit >> 10 ^ byte
        if index >= len(units):
            return None
        unit = int(units[index])
        if unit & 0x800000FF != byte:
            return None
    if not unit & 0x100:
        return None
    return int(units[index ^ unit >> 10]) & 0x7FFFFFFF


@given(tables, st.lists(keys))
@settings(max_examples=100, deadline=None)
def test_finds_what_is_there_and_nothing_else(table, others):
    units = build_double_array_trie(table)
    assert units.dtype == np.uint32
    assert len(units) % 256 == 0
    prefixes = {key[:length] for key in table for length in range(1, len(key))}
    extended = {key + b"\x80" for key in table}
    for key in {*table, *others, *prefixes, *extended}:
        assert look_up(units, key) == table.get(key)


@given(tables)
@settings(max_examples=50, deadline=None)
def test_order_of_keys_does_not_matter(table):
    backwards = dict(reversed(table.items()))
    assert build_double_array_trie(table).tobytes() == build_double_array_trie(backwards).tobytes()


def test_equal_subtrees_are_stored_once():
    table = {bytes(key): 7 for key in itertools.product(range(1, 40), repeat=3)}
    # 39 ** 3 values in three nodes: the third level, the second, the root.
    assert len(build_double_array_trie(table)) <= 1024

"""How workers share the rows of a global batch."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keras_bert_cls.data.batch_source import Shard


@given(st.integers(1, 200), st.integers(1, 6), st.integers(1, 5))
def test_shards_cover_a_batch_in_equal_parts(rows, workers, pieces):
    shards = [Shard(worker, workers, workers * pieces) for worker in range(workers)]
    places = [place for shard in shards for place in shard.range_of(rows)]
    assert places == list(range(shards[0].padded_rows(rows)))
    assert rows <= len(places) < rows + workers * pieces
    assert len({len(shard.range_of(rows)) for shard in shards}) == 1
    assert len(shards[0].range_of(rows)) % pieces == 0


@pytest.mark.parametrize("fields", [(1, 1, 1), (-1, 2, 2), (0, 2, 3)])
def test_what_is_no_part_is_refused(fields):
    with pytest.raises(ValueError, match="not one of equal parts"):
        Shard(*fields)

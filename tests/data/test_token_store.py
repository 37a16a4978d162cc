"""Tokenized rows on disk."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keras_bert_cls.data.token_store import TokenStore, write_token_store

COLUMNS = {"token_ids": "uint16", "target": "int32", "value": "float32", "line": "int64"}
RAGGED = ("token_ids", "target")
ROWS = st.tuples(
    st.lists(st.integers(0, 2**16 - 1), max_size=6),
    st.lists(st.integers(-(2**31), 2**31 - 1), max_size=3),
    st.floats(width=32, allow_nan=False),
    st.integers(-(2**63), 2**63 - 1),
)


def joined(lists):
    return list(itertools.chain.from_iterable(lists))


def append(writer, rows):
    lists = {name: [row[place] for row in rows] for place, name in enumerate(RAGGED)}
    writer.append(
        {
            **{name: np.array(joined(lists[name])) for name in RAGGED},
            "value": np.array([row[2] for row in rows], np.float32),
            "line": np.array([row[3] for row in rows], np.int64),
        },
        {name: np.array([len(part) for part in lists[name]], int) for name in RAGGED},
    )


def write(folder, rows):
    with write_token_store(folder, COLUMNS, RAGGED, {"rows": len(rows)}) as writer:
        append(writer, rows)
    return TokenStore(folder)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.lists(ROWS, max_size=5), max_size=4))
def test_round_trip(tmp_path_factory, chunks):
    folder = tmp_path_factory.mktemp("stores") / "new" / "store"
    description = {"title": "标题"}
    with write_token_store(folder, COLUMNS, RAGGED, description) as writer:
        for rows in chunks:
            append(writer, rows)
        description["late"] = [1, None]
    store, rows = TokenStore(folder), joined(chunks)
    assert len(store) == len(rows)
    assert store.description == {"title": "标题", "late": [1, None]}
    for place, name in enumerate(RAGGED):
        assert store.is_ragged(name)
        lengths = store.lengths(name)
        assert np.asarray(lengths).tolist() == [len(row[place]) for row in rows]
        assert len(lengths) == len(rows)
        places = np.random.default_rng(0).integers(0, max(1, len(rows)), 2 * len(rows))
        assert lengths[places].tolist() == [len(rows[number][place]) for number in places]
        assert lengths[1:3].tolist() == [len(row[place]) for row in rows[1:3]]
        for number, row in enumerate(rows):
            assert store.row(name, number).tolist() == row[place]
            assert store.row(name, np.int64(number)).tolist() == row[place]
        assert store.values(name).tolist() == joined(row[place] for row in rows)
    assert store.values("value").tolist() == [row[2] for row in rows]
    assert store.values("line").tolist() == [row[3] for row in rows]
    for name, dtype in COLUMNS.items():
        assert store.values(name).dtype == dtype
        assert name in store
    assert not store.is_ragged("line") and "other" not in store


ROW = ([1, 2], [3], 0.5, 6)


def test_nothing_is_left_of_a_broken_off_store(tmp_path):
    folder = tmp_path / "store"
    with (
        pytest.raises(KeyboardInterrupt),
        write_token_store(folder, COLUMNS, RAGGED, {}) as writer,
    ):
        append(writer, [ROW])
        raise KeyboardInterrupt
    assert list(tmp_path.iterdir()) == []
    assert not TokenStore.exists(folder)


def test_a_description_that_is_no_json_leaves_nothing(tmp_path):
    with (
        pytest.raises(TypeError, match="not JSON serializable"),
        write_token_store(tmp_path / "store", COLUMNS, RAGGED, {"a": object()}) as writer,
    ):
        append(writer, [ROW])
    assert list(tmp_path.iterdir()) == []


def test_the_old_store_stays_until_the_new_one_is_whole(tmp_path):
    folder = tmp_path / "store"
    old = write(folder, [ROW, ROW])
    (folder / "note").write_text("old")
    with write_token_store(folder, COLUMNS, RAGGED, {}) as writer:
        append(writer, [ROW])
        assert len(TokenStore(folder)) == 2
    assert len(TokenStore(folder)) == 1
    assert not (folder / "note").exists()  # nothing of the old store is taken for the new one's
    assert old.row("token_ids", 1).tolist() == [1, 2]  # whoever has it open still reads it

    with pytest.raises(ValueError), write_token_store(folder, COLUMNS, RAGGED, {}):
        raise ValueError
    assert len(TokenStore(folder)) == 1


def test_what_a_killed_process_left_is_no_store(tmp_path):
    folder = tmp_path / "store"
    left = tmp_path / ".writing-store"
    left.mkdir()
    (left / "token_ids.bin").write_bytes(b"half")
    assert not TokenStore.exists(folder)
    store = write(folder, [ROW])
    assert store.row("token_ids", 0).tolist() == [1, 2]
    assert [path.name for path in tmp_path.iterdir()] == ["store"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"line": np.zeros(2)}, "columns of different numbers of rows: [1, 2]"),
        ({"token_ids": np.zeros(3)}, "the lengths of token_ids do not add up to 3 values"),
    ],
)
def test_columns_must_fit_together(tmp_path, change, message):
    values = {
        "token_ids": np.zeros(2),
        "target": np.zeros(1),
        "value": np.zeros(1),
        "line": np.zeros(1),
    }
    lengths = {"token_ids": np.array([2]), "target": np.array([1])}
    with (
        pytest.raises(ValueError) as raised,
        write_token_store(tmp_path / "store", COLUMNS, RAGGED, {}) as writer,
    ):
        writer.append({**values, **change}, lengths)
    assert str(raised.value) == message
    assert list(tmp_path.iterdir()) == []


def test_columns_are_memory_mapped(tmp_path):
    store = write(tmp_path / "store", [ROW] * 1000)
    assert isinstance(store.values("token_ids"), np.memmap)
    assert isinstance(store.row("token_ids", 3).base, np.memmap)

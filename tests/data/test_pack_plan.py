"""Units of packing: cut between documents, nothing lost, lines counted."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keras_bert_cls.data.documents import documents_of_files
from keras_bert_cls.data.pack_plan import (
    plan_units,
    source_stats,
    unit_bytes_of,
    unit_from_json,
    unit_to_json,
)
from keras_bert_cls.data.readers import table_files
from keras_bert_cls.data.table_spec import TableSpec
from keras_bert_cls.errors import UserError

SPEC = TableSpec()
TEXTS = st.lists(st.sampled_from(["a", "bc", "文字", "", " ", "\u3000", "d\r"]), max_size=30)


@settings(max_examples=100, deadline=None)
@given(st.lists(TEXTS, min_size=1, max_size=3), st.integers(1, 40), st.booleans(), st.booleans())
def test_units_hold_the_documents_of_the_files(tmp_path_factory, texts, size, by_line, end):
    folder = tmp_path_factory.mktemp("plan")
    for number, lines in enumerate(texts):
        text = "\n".join(lines) + "\n" * end
        (folder / f"{number}.txt").write_bytes(text.encode())
    files = table_files(str(folder / "*.txt"), SPEC)
    units = list(plan_units(files, size, by_line))
    found = [
        document
        for unit in units
        for document in documents_of_files(unit, SPEC, one_document_per_line=by_line)
    ]
    assert found == list(documents_of_files(files, SPEC, one_document_per_line=by_line))
    sizes = [unit_bytes_of(unit) for unit in units]
    assert sum(sizes) == sum(stat[1] for stat in source_stats(files))
    assert all(unit_size >= size for unit_size in sizes[:-1])
    assert [unit_from_json(unit_to_json(unit)) for unit in units] == units


def test_a_large_file_is_cut_and_small_ones_go_together(tmp_path):
    (tmp_path / "a.txt").write_text("abcdefg\n\n" * 10)
    for name in "bcd":
        (tmp_path / f"{name}.jsonl").write_text('{"text": "a"}\n' * 2)
    files = table_files(str(tmp_path / "*"), TableSpec(text_column="text"))
    units = list(plan_units(files, 40, False))
    # A cut comes with the first end of a document after 40 bytes, so after five of them.
    assert [(part.start, part.end) for unit in units[:2] for part in unit] == [(0, 45), (45, 90)]
    assert [part.lines_before for unit in units for part in unit] == [0, 10, 0, 0, 0]
    assert [len(unit) for unit in units] == [1, 1, 2, 1]


def test_the_standard_input_is_refused():
    with pytest.raises(UserError, match="standard input"):
        source_stats(table_files("-", SPEC))

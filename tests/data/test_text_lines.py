"""Lines read many at a time are those read one at a time, whatever the stream holds already."""

import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keras_bert_cls.data import delimited
from keras_bert_cls.data.bad_rows import BadRows
from keras_bert_cls.data.readers import read_rows
from keras_bert_cls.data.source_files import SourceFile
from keras_bert_cls.data.table_spec import TableSpec
from keras_bert_cls.data.text_lines import Line, read_lines, single_lines, without_trailing_blanks
from keras_bert_cls.errors import UserError

PROFILE = settings(max_examples=150, deadline=None)
MARK = b"\xef\xbb\xbf"
PIECES = st.sampled_from(
    [b"\n", b"\n", b"\t", b"\r", b"\r\n", b" ", b"a", b"label", "文".encode(), b"\xff", MARK]
)
FILES = st.lists(PIECES, max_size=30).map(b"".join)
BUFFER_SIZES = st.integers(1, 40)


def opened_in_parts(patch, data, buffer_size):
    """Makes every file one of `data` that is read `buffer_size` bytes at a time."""

    def open_data(self):
        return io.BufferedReader(io.BytesIO(data), buffer_size)

    patch.setattr(SourceFile, "open", open_data)


def text_of(raw, keep_ends):
    body = raw if keep_ends else raw.removesuffix(b"\n").removesuffix(b"\r")
    return body.decode("utf-8", errors="surrogateescape")


@PROFILE
@given(FILES, BUFFER_SIZES, st.booleans(), st.data())
def test_lines_of_a_file_or_a_part_of_it(data, buffer_size, keep_ends, draw):
    raw_lines = [line + b"\n" for line in data.split(b"\n")]
    raw_lines[-1] = raw_lines[-1][:-1]
    raw_lines = [line for line in raw_lines if line]
    first, end = sorted(draw.draw(st.integers(0, len(raw_lines))) for _ in range(2))
    size = sum(map(len, raw_lines[:end]))
    start = sum(map(len, raw_lines[:first]))
    file = SourceFile("a.txt", "txt", None, start, size, first)
    with pytest.MonkeyPatch.context() as patch:
        opened_in_parts(patch, data, buffer_size)
        found = list(single_lines(read_lines(file, keep_ends=keep_ends)))
    expected = []
    for number, raw in enumerate(raw_lines[first:end], first + 1):
        skipped = len(MARK) if number == 1 and raw.startswith(MARK) else 0
        expected.append((number, text_of(raw[skipped:], keep_ends), start + skipped))
        start += len(raw)
    assert [(line.number, line.text) for line in found] == [line[:2] for line in expected]
    for line, (_, text, offset) in zip(found, expected, strict=True):
        bad = next((place for place, c in enumerate(text) if "\udc80" <= c <= "\udcff"), None)
        if bad is None:
            assert line.problem is None
        else:
            at = len(text[:bad].encode())
            assert f"at byte {at + 1} of the line (offset {offset + at} in" in line.problem


@PROFILE
@given(FILES, BUFFER_SIZES)
def test_only_the_blank_lines_at_the_end_are_dropped(data, buffer_size):
    file = SourceFile("a.txt", "txt")
    with pytest.MonkeyPatch.context() as patch:
        opened_in_parts(patch, data, buffer_size)
        lines: list[Line] = list(single_lines(read_lines(file)))
        found = list(single_lines(without_trailing_blanks(read_lines(file))))
    while lines and not lines[-1].text.strip("\r\n"):
        lines.pop()
    assert found == lines


def read(spec, policy):
    """Returns rows, and what was skipped or stopped the reading."""
    bad_rows, rows = BadRows(policy), []
    try:
        rows.extend(read_rows(__file__, spec, bad_rows))
    except UserError as error:
        return rows, str(error)
    return rows, (bad_rows.counts, bad_rows.examples)


@PROFILE
@given(
    st.lists(st.lists(PIECES, max_size=3).map(b"".join), min_size=1, max_size=12),
    BUFFER_SIZES,
    st.sampled_from(["tsv", "txt"]),
    st.booleans(),
    st.sampled_from(["error", "skip"]),
)
def test_rows_of_many_lines_are_those_of_single_lines(rows, buffer_size, kind, header, policy):
    if kind == "txt":
        spec, data = TableSpec(file_format="txt"), b"\n".join(rows)
    else:
        spec = TableSpec(
            file_format="tsv", text_column=0, label_column=1, header=header, delimiter="\t"
        )
        data = b"\n".join(b"text \tlabel" if not row else row + b"\tx" for row in rows)
    with pytest.MonkeyPatch.context() as patch:
        opened_in_parts(patch, data, buffer_size)
        found = read(spec, policy)
        patch.setattr(delimited, "rows_of_columns", lambda *_: None)
        patch.setattr("keras_bert_cls.data.readers.rows_of_columns", lambda *_: None)
        assert found == read(spec, policy)

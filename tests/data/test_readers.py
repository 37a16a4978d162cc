"""Rows of txt, tsv, csv and jsonl files, against the writers of the standard library."""

import csv
import gzip
import io
import json
import lzma
import pathlib
import subprocess
import sys
import tempfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keras_bert_cls.data.readers import iterate_texts, read_rows
from keras_bert_cls.data.rows import Row
from keras_bert_cls.data.table_spec import TableSpec

# U+2028, U+0085, U+000B, U+000C and U+001C end a line for str.splitlines, but not for us.
ODD_TEXT = "一行\u2028没完\u0085还是\u000b\u000c\u001c它"

PROFILE = settings(max_examples=50, deadline=None)
# Characters that have a meaning in some format come up often.
CHARACTERS = st.one_of(
    st.sampled_from('",\t\\\r\n\u2028\u0085\ufeff\x00 文'),
    st.characters(exclude_categories=("Cs",)),
)
TEXTS = st.text(CHARACTERS, min_size=1, max_size=12).filter(str.strip)
LABELS = st.text(st.sampled_from("ab正负1-"), min_size=1, max_size=4)
PAIRS_OF_TEXT_AND_LABEL = st.lists(st.tuples(TEXTS, LABELS), min_size=1, max_size=6)


def rows_of(data: bytes, name: str, spec: TableSpec) -> list[Row]:
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / name
        path.write_bytes(data)
        return list(read_rows(path, spec))


def texts_and_labels(rows: list[Row]) -> list[tuple[str, object]]:
    return [(row.text, row.label) for row in rows]


@PROFILE
@given(
    PAIRS_OF_TEXT_AND_LABEL,
    st.booleans(),
    st.sampled_from([b"", b"\xef\xbb\xbf"]),
    st.sampled_from([csv.QUOTE_ALL, csv.QUOTE_MINIMAL]),
    st.sampled_from(["\n", "\r\n"]),
    st.sampled_from(",;\t|"),
)
def test_csv_gives_back_what_the_csv_writer_wrote(examples, header, mark, quoting, end, delimiter):
    stream = io.StringIO(newline="")
    writer = csv.writer(stream, quoting=quoting, lineterminator=end, delimiter=delimiter)
    writer.writerows([*([("review", "label")] if header else []), *examples])
    columns = ("review", "label") if header else (0, "1")
    spec = TableSpec(text_column=columns[0], label_column=columns[1], delimiter=delimiter)
    rows = rows_of(mark + stream.getvalue().encode(), "data.csv", spec)
    assert texts_and_labels(rows) == examples


@PROFILE
@given(PAIRS_OF_TEXT_AND_LABEL, st.booleans(), st.sampled_from(["\n", "\r\n"]))
def test_jsonl_gives_back_what_json_wrote(examples, ascii_only, end):
    lines = [
        json.dumps({"id": 7, "text": text, "label": label}, ensure_ascii=ascii_only)
        for text, label in examples
    ]
    data = "".join(line + end for line in lines).encode()
    rows = rows_of(data, "data.jsonl", TableSpec(text_column="text", label_column="label"))
    assert texts_and_labels(rows) == examples
    assert [row.line for row in rows] == list(range(1, len(examples) + 1))


@PROFILE
@given(
    st.lists(
        st.tuples(
            st.text(CHARACTERS.filter(lambda c: c not in "\t\r\n"), min_size=1).filter(str.strip),
            LABELS,
        ),
        min_size=1,
        max_size=6,
    )
)
def test_tsv_fields_are_split_at_tabs_and_nothing_else(examples):
    data = "".join(f"{label}\t{text}\n" for text, label in examples).encode()
    rows = rows_of(b"\xef\xbb\xbf" + data, "data.tsv", TableSpec(text_column=1, label_column=0))
    assert texts_and_labels(rows) == examples


@PROFILE
@given(st.lists(TEXTS.filter(lambda text: not set("\r\n") & set(text)), min_size=1, max_size=6))
def test_txt_lines_end_at_line_feeds_only(texts):
    data = b"\xef\xbb\xbf" + "\n".join(texts).encode()
    assert [row.text for row in rows_of(data, "data.txt", TableSpec())] == texts


def test_text_that_begins_with_a_byte_order_mark_loses_only_the_first(tmp_path):
    path = tmp_path / "a.txt"
    path.write_bytes("\ufeff\ufeffa\n\ufeffb\n".encode())
    assert list(iterate_texts(path)) == ["\ufeffa", "\ufeffb"]


def test_lines_count_every_line_of_a_quoted_field(tmp_path):
    path = tmp_path / "a.csv"
    path.write_bytes(b'text,label\r\n"one\r\ntwo\n\nfour",x\r\nfive,y\r\n')
    spec = TableSpec(text_column="text", label_column="label")
    assert list(read_rows(path, spec)) == [
        Row(str(path), 2, "one\r\ntwo\n\nfour", None, "x"),
        Row(str(path), 6, "five", None, "y"),
    ]


def test_a_carriage_return_in_a_csv_field_is_text_unless_it_ends_the_line(tmp_path):
    path = tmp_path / "a.csv"
    path.write_bytes(b'x,a\rb\r\r\ny,"c\r\nd\re"\r\nz,f\r')
    assert [row.text for row in read_rows(path, TableSpec(text_column=1))] == [
        "a\rb\r",
        "c\r\nd\re",
        "f",
    ]


def test_a_field_longer_than_the_csv_modules_first_limit(tmp_path):
    path = tmp_path / "a.csv"
    text = "长" * 200_000
    path.write_text(f"text\n{text}\n", encoding="utf-8")
    assert [row.text for row in read_rows(path, TableSpec(text_column="text"))] == [text]


def test_pairs_numbers_and_lists_in_jsonl(tmp_path):
    path = tmp_path / "a.jsonl"
    labels = [3, 4.5, True, " pos ", ["a", 2], []]
    path.write_text(
        "".join(json.dumps({"a": "x", "b": "y", "c": label}) + "\n" for label in labels)
    )
    rows = read_rows(path, TableSpec(text_column="a", text_pair_column="b", label_column="c"))
    assert [(row.text_pair, row.label) for row in rows] == [
        ("y", label) for label in ("3", "4.5", "true", "pos", ("a", "2"), ())
    ]


@pytest.mark.parametrize("quoted", ['say "yes"', '"open'])
def test_quotes_mean_nothing_in_tsv(tmp_path, quoted):
    path = tmp_path / "a.tsv"
    path.write_text(f"label\ttext\nx\t{quoted}\ny\tplain\n")
    spec = TableSpec(text_column="text", label_column="label")
    assert texts_and_labels(list(read_rows(path, spec))) == [(quoted, "x"), ("plain", "y")]


@pytest.mark.parametrize(
    ("columns", "header", "expected"),
    [
        ((1, 0), None, ["text", "good"]),
        (("1", "0"), None, ["text", "good"]),
        (("text", "label"), None, ["good"]),
        (("text", 0), None, ["good"]),
        ((1, 0), True, ["good"]),
    ],
)
def test_whether_the_first_row_is_a_header(tmp_path, columns, header, expected):
    path = tmp_path / "a.tsv"
    path.write_text("label\ttext\npos\tgood\n")
    spec = TableSpec(text_column=columns[0], label_column=columns[1], header=header)
    assert [row.text for row in read_rows(path, spec)] == expected


def test_a_column_named_by_a_number_is_found_by_its_name(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("1,0\nlabel,words\n")
    spec = TableSpec(text_column="0", label_column="1", header=True)
    assert texts_and_labels(list(read_rows(path, spec))) == [("words", "label")]


@pytest.mark.parametrize("suffix", ["", ".gz", ".xz"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize(
    ("name", "content", "column"),
    [
        ("a.txt", [ODD_TEXT, "b"], None),
        ("a.tsv", [f"{ODD_TEXT}\t1", "b\t2"], 0),
        ("a.csv", [f"{ODD_TEXT},1", '"b",2'], 0),
        ("a.jsonl", [json.dumps({"t": ODD_TEXT}, ensure_ascii=False), '{"t": "b"}'], "t"),
    ],
)
def test_every_text_format_packed_or_not(tmp_path, name, content, column, end, suffix):
    pack = {"": bytes, ".gz": gzip.compress, ".xz": lzma.compress}[suffix]
    path = tmp_path / (name + suffix)
    data = "".join(line + end for line in content)
    if name == "a.jsonl":  # JSON itself forbids raw control characters inside strings.
        data = data.replace("\u000b", "").replace("\u000c", "").replace("\u001c", "")
    path.write_bytes(pack(b"\xef\xbb\xbf" + data.encode()))
    expected = [json.loads(data.split("\n")[0])["t"] if column == "t" else ODD_TEXT, "b"]
    rows = list(read_rows(path, TableSpec(text_column=column)))
    assert [row.text for row in rows] == expected
    assert [row.line for row in rows] == [1, 2]
    assert list(iterate_texts(str(path), column)) == expected


def test_files_are_read_in_the_order_given_and_globs_sorted(tmp_path):
    for name in ("b", "a", "c[1]", "c1"):
        (tmp_path / f"{name}.txt").write_text(f"{name}\n")
    (tmp_path / "folder.txt").mkdir()
    every = str(tmp_path / "*.txt")
    assert list(iterate_texts([str(tmp_path / "b.txt"), every])) == ["b", "a", "b", "c1", "c[1]"]
    assert list(iterate_texts(tmp_path / "c[1].txt")) == ["c[1]"]


def test_format_given_and_format_from_a_shards_name(tmp_path):
    path = tmp_path / "train.txt"
    path.write_text("words\t1\n")
    assert [row.text for row in read_rows(path, TableSpec(file_format="tsv", text_column=0))] == [
        "words"
    ]
    shard = tmp_path / "train.jsonl-00000-of-00002"
    shard.write_text('{"t": "words"}\n')
    assert list(iterate_texts(shard, "t")) == ["words"]


def test_texts_of_txt_beside_texts_of_a_column(tmp_path):
    (tmp_path / "a.txt").write_text("\none\n \n\ntwo\n")
    (tmp_path / "b.csv").write_text("text,label\nthree,x\n")
    assert list(iterate_texts([tmp_path / "a.txt", tmp_path / "b.csv"], "text")) == [
        "one",
        "two",
        "three",
    ]


def test_empty_lines_at_the_end_are_no_rows(tmp_path):
    path = tmp_path / "a.csv"
    path.write_bytes(b"text,label\na,x\n\r\n\n")
    assert len(list(read_rows(path, TableSpec(text_column="text", label_column="label")))) == 1


def test_the_standard_input():
    program = (
        "from keras_bert_cls.data.readers import iterate_texts, read_rows\n"
        "from keras_bert_cls.data.table_spec import TableSpec\n"
        "print([row.where for row in read_rows('-', TableSpec(text_column=0, file_format='tsv'))])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], input=b"a\tx\nb\ty\n", capture_output=True, check=True
    )
    assert done.stdout.decode().strip() == "['<stdin>:1', '<stdin>:2']"


def test_importing_the_readers_imports_neither_tensorflow_nor_pyarrow():
    program = (
        "import sys; import keras_bert_cls.data.readers, keras_bert_cls.data.labels\n"
        "import keras_bert_cls.data.documents\n"
        "print(sorted({'tensorflow', 'pyarrow', 'numpy', 'keras'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    assert done.stdout.decode().strip() == "[]"

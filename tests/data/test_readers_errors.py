"""Every way in which a file or a spec can be wrong, and what the user is told."""

import gzip
import json
import lzma
import os
import random
import re

import pytest

from keras_bert_cls.data import delimited, text_lines
from keras_bert_cls.data.bad_rows import BadRows
from keras_bert_cls.data.readers import iterate_texts, read_rows
from keras_bert_cls.data.table_spec import TableSpec
from keras_bert_cls.errors import UserError

NAMED = TableSpec(text_column="text", label_column="label")
INDEXED = TableSpec(text_column=0, label_column=1)

# name, spec, content, line at which the bad row starts, kind, words of the message
BAD_ROWS = [
    ("a.tsv", NAMED, b"text\tlabel\nx\t1\ny\nz\t2\n", 3, "ragged row",
     "expected 2 fields as in line 1, got 1"),
    ("a.tsv", INDEXED, b"x\t1\ny\t1\t1\nz\t2\n", 2, "ragged row",
     "expected 2 fields as in line 1, got 3"),
    ("a.tsv", INDEXED, b"x\t1\n\nz\t2\n", 2, "empty line", "the line is empty"),
    ("a.tsv", INDEXED, b"x\t1\n\xe3\x80\x80\t1\nz\t2\n", 2, "empty text", "the text is empty"),
    ("a.tsv", INDEXED, b"x\t1\ny\t \nz\t2\n", 2, "missing label", "the label is missing"),
    ("a.tsv", INDEXED, b"x\t1\n\xb0\xa1\t1\nz\t2\n", 2, "broken encoding",
     "byte 0xb0 at byte 1 of the line (offset 4 in the file)"),
    ("a.csv", NAMED, b'text,label\n"x",1\n"p\nq",1,1\nz,2\n', 3, "ragged row",
     "expected 2 fields as in line 1, got 3"),
    ("a.csv", INDEXED, b"x,1\n\nz,2\n", 2, "empty line", "the line is empty"),
    ("a.csv", INDEXED, b'x,1\n"a" b,1\nz,2\n', 2, "broken quoting", "the line cannot be read"),
    ("a.csv", INDEXED, b'x,1\n"a\nb"c,1\nz,2\n', 2, "broken quoting", "lines 2 to 3 cannot be"),
    ("a.csv", INDEXED, b'x,1\n"a\nb\xff\nc",1\nz,2\n', 2, "broken encoding",
     "a.csv:3: not UTF-8: byte 0xff at byte 2 of the line (offset 8 in the file)"),
    ("a.csv", INDEXED, b'x,1\n"",1\nz,2\n', 2, "empty text", "the text is empty"),
    ("a.jsonl", NAMED, b'{"text":"x","label":1}\n{"text":"y" "label":1}\n{"text":"z","label":2}\n',
     2, "broken JSON", "broken JSON at column 13: Expecting ',' delimiter"),
    ("a.jsonl", NAMED, b'{"text":"x","label":1}\n["y", 1]\n{"text":"z","label":2}\n',
     2, "broken JSON", "expected a JSON object, got list [\"y\", 1]"),
    ("a.jsonl", NAMED, b'{"text":"x","label":1}\n\n{"text":"z","label":2}\n',
     2, "broken JSON", "Expecting value"),
    ("a.jsonl", NAMED, b'{"text":"x","label":1}\n' + b"[" * 100_000
     + b'\n{"text":"z","label":2}\n', 2, "broken JSON", "broken JSON"),
    ("a.jsonl", NAMED, b'{"text":"x","label":1}\n{"text":"y","label":' + b"9" * 5000
     + b'}\n{"text":"z","label":2}\n', 2, "broken JSON", "digits"),
    ("a.jsonl", NAMED, b'{"text":"x","label":1}\n{"text":12,"label":1}\n{"text":"z","label":2}\n',
     2, "wrong type", "the text must be a string, got int 12"),
    ("a.jsonl", NAMED, b'{"text":"x","label":1}\n{"text":null,"label":1}\n{"text":"z","label":2}\n',
     2, "empty text", "the text is missing"),
    ("a.jsonl", NAMED, b'{"text":"x","label":1}\n{"txt":"y","label":1}\n{"text":"z","label":2}\n',
     2, "missing column", "no column 'text'. Did you mean 'txt'? The columns are 'txt', 'label'."),
    ("a.jsonl", NAMED, b'{"text":"x","label":1}\n{"text":"y","label":null}\n'
     b'{"text":"z","label":2}\n', 2, "missing label", "the label is missing"),
    ("a.jsonl", NAMED, b'{"text":"x","label":1}\n{"text":"y","label":NaN}\n'
     b'{"text":"z","label":2}\n', 2, "missing label", "the label is missing"),
    ("a.jsonl", NAMED, b'{"text":"x","label":1}\n{"text":"y","label":{"a":1}}\n'
     b'{"text":"z","label":2}\n', 2, "wrong type", "the label must be a string, got dict {'a': 1}"),
    ("a.jsonl", NAMED, b'{"text":"x","label":1}\n{"text":"y","label":["a",""]}\n'
     b'{"text":"z","label":2}\n', 2, "missing label", "the label is missing"),
    ("a.jsonl", NAMED, b'{"text":"x","label":1}\n{"text":"y","label":"a\\nb"}\n'
     b'{"text":"z","label":2}\n', 2, "broken label", "'a\\nb' has a line break"),
    ("a.jsonl", NAMED, b'{"text":"x","label":1}\n{"text":"y\\ud83d","label":1}\n'
     b'{"text":"z","label":2}\n', 2, "broken encoding", "holds \\ud83d, one half of a surrogate"),
    ("a.jsonl", NAMED, b'{"text":"x","label":1}\n{"text":"\xc3","label":1}\n'
     b'{"text":"z","label":2}\n', 2, "broken encoding",
     "byte 0xc3 at byte 10 of the line (offset 32 in the file)"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "spec", "content", "line", "kind", "words"), BAD_ROWS)
def test_a_bad_row_stops_or_is_skipped_and_counted(
    tmp_path, name, spec, content, line, kind, words
):
    path = tmp_path / name
    path.write_bytes(content)
    rows = read_rows(path, spec)
    assert next(rows).text == "x"
    with pytest.raises(UserError) as caught:
        next(rows)
    message = str(caught.value)
    assert re.match(rf"{re.escape(str(path))}:\d+: ", message)
    assert words in message
    assert message.endswith(" Mend the row.")
    with pytest.raises(UserError, match="or skip and count such rows with --on_bad=skip"):
        list(read_rows(path, spec, BadRows("error", option="--on_bad")))

    bad_rows = BadRows("skip")
    assert [row.text for row in read_rows(path, spec, bad_rows)] == ["x", "z"]
    assert bad_rows.counts == {kind: 1}
    assert words in bad_rows.summary()
    if f"{name}:" not in words:
        assert f"{path}:{line}: " in bad_rows.summary()


@pytest.mark.parametrize(
    ("content", "line"), [(b"x\n\ny\n", 2), (b"x\n \t\ny\n", 2), (b"x\n\n\xff\n", 2)]
)
def test_a_blank_line_of_txt_is_an_empty_text(tmp_path, content, line):
    path = tmp_path / "a.txt"
    path.write_bytes(content)
    with pytest.raises(UserError, match=rf"a\.txt:{line}: the text is empty"):
        list(read_rows(path, TableSpec()))


def test_texts_name_the_line_that_is_not_utf8(tmp_path):
    path = tmp_path / "a.txt"
    path.write_bytes(b"\xef\xbb\xbfone\n\ntwo\xe4\xb8\n")
    with pytest.raises(UserError, match=r"a\.txt:3: not UTF-8: byte 0xe4 at byte 4 .*offset 11 "):
        list(iterate_texts(path))


def test_bad_rows_counts_all_and_keeps_few(tmp_path):
    path = tmp_path / "a.jsonl"
    lines = ['{"text": ""}'] * 5 + ["{"] * 2 + ['{"text": "x"}'] * 4
    random.Random(1).shuffle(lines)
    path.write_text("\n".join(lines))
    bad_rows = BadRows("skip", examples_per_kind=2)
    assert len(list(read_rows(path, TableSpec(text_column="text"), bad_rows))) == 4
    assert bad_rows.counts == {"empty text": 5, "broken JSON": 2}
    assert [len(messages) for messages in bad_rows.examples.values()] == [2, 2]
    assert bad_rows.summary().startswith("skipped 7 bad rows:\n  5 × empty text, such as\n    ")
    assert BadRows("skip").summary() == ""


def test_bad_rows_knows_two_policies():
    with pytest.raises(UserError, match=r"unknown_label must be .* got 'skp'.*'skip'"):
        BadRows("skp", option="unknown_label")


@pytest.mark.parametrize(
    ("name", "content", "spec", "words"),
    [
        ("a.csv", "review,label\nx,1\n", TableSpec(text_column="reviews"),
         "a.csv:1: no column 'reviews'. Did you mean 'review'? The columns are 'review', 'label'."),
        ("a.csv", "review,label\nx,1\n", TableSpec(text_column="review", label_column=2),
         "a.csv:1: no column 2. The columns are 'review', 'label'."),
        ("a.tsv", "x\t1\n", TableSpec(text_column=0, label_column="2"),
         "a.tsv:1: no column '2'. The columns are '0', '1'."),
        ("a.csv", "text,text\nx,1\n", TableSpec(text_column="text"),
         "a.csv:1: several columns are named 'text'; give the index instead"),
        ("a.csv", f"text,{'x' * 50}\n", TableSpec(),
         f"a.csv:1: text_column is not given. The columns are '0', '1'. The first row is 'text', "
         f"'{'x' * 40}…'. Name one with --text_column, or in a config with data.text_column."),
        ("a.jsonl", '{"t": "x"}\n', TableSpec(), "text_column is not given. The columns are 't'."
         " Name one with --text_column"),
        ("a.csv", "", TableSpec(text_column="text"), "a.csv: the file is empty; expected a row of"),
    ],
)  # fmt: skip
def test_a_column_that_is_not_there(tmp_path, name, content, spec, words):
    path = tmp_path / name
    path.write_text(content)
    with pytest.raises(UserError) as caught:
        list(read_rows(path, spec, BadRows("skip")))
    assert words in str(caught.value)


def test_many_columns_are_listed_in_part(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text(",".join(f"c{index}" for index in range(300)) + "\n")
    with pytest.raises(UserError, match=r"'c19' and 280 more\."):
        list(read_rows(path, TableSpec(text_column="text")))


def test_a_header_that_cannot_be_read_is_never_skipped(tmp_path):
    path = tmp_path / "a.csv"
    path.write_bytes(b"text\xff,label\nx,1\n")
    with pytest.raises(UserError, match=r"a\.csv:1: not UTF-8"):
        list(read_rows(path, TableSpec(text_column=0, header=True), BadRows("skip")))


@pytest.mark.parametrize("tail", ["", "b,1\n" * 1000])
def test_an_unterminated_quote_is_never_skipped(tmp_path, tail):
    path = tmp_path / "a.csv"
    path.write_text('text,label\nx,1\n"oops,1\n' + tail)
    with pytest.raises(UserError, match=r"a\.csv:3: a quote in the row that starts here is never"):
        list(read_rows(path, NAMED, BadRows("skip")))


def test_an_unterminated_quote_takes_bounded_memory(tmp_path, monkeypatch):
    monkeypatch.setattr(delimited, "_LONGEST_ROW_CHARACTERS", 1 << 20)
    path = tmp_path / "a.csv"
    path.write_text('x,1\n"oops,1\n' + "b,1\n" * (1 << 19))
    with pytest.raises(UserError, match=r"a\.csv:2: the row that starts here is longer than 1 Mi"):
        list(read_rows(path, INDEXED, BadRows("skip")))


def test_a_line_without_end(tmp_path, monkeypatch):
    monkeypatch.setattr(text_lines, "LONGEST_LINE_BYTES", 1 << 20)
    path = tmp_path / "a.txt"
    path.write_bytes(b"a\n" + b"b" * (1 << 20) + b"\n")
    with pytest.raises(UserError, match=r"a\.txt:2: the line is longer than 1 MiB"):
        list(iterate_texts(path))


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_utf16_is_named(tmp_path, encoding):
    path = tmp_path / "a.csv"
    path.write_bytes("\ufefftext,label\nx,1\n".encode(encoding))
    with pytest.raises(UserError, match=r"a\.csv:1: the file is UTF-16, expected UTF-8\. .*iconv"):
        list(read_rows(path, NAMED))


@pytest.mark.parametrize(("suffix", "pack"), [(".gz", gzip.compress), (".xz", lzma.compress)])
def test_a_truncated_archive_gives_its_rows_and_then_says_so(tmp_path, suffix, pack):
    generator = random.Random(0)
    texts = ["".join(generator.choices("abcdefgh", k=80)) for _ in range(20_000)]
    path = tmp_path / f"a.txt{suffix}"
    packed = pack("".join(f"{text}\n" for text in texts).encode())
    path.write_bytes(packed[: len(packed) // 2])
    seen = []
    with pytest.raises(UserError) as caught:
        for text in iterate_texts(path, bad_rows=BadRows("skip")):
            seen.append(text)
    assert 1000 < len(seen) < 20_000
    assert seen == texts[: len(seen)]
    message = str(caught.value)
    assert message.startswith(f"{path}:{len(seen) + 1}: the file cannot be read further: ")
    assert "truncated" in message


@pytest.mark.parametrize("suffix", [".gz", ".xz"])
def test_a_file_that_is_not_packed_as_its_name_says(tmp_path, suffix):
    path = tmp_path / f"a.txt{suffix}"
    path.write_text("plain\n")
    with pytest.raises(UserError, match=rf"a\.txt{suffix}:1: the file cannot be read further"):
        list(iterate_texts(path))


def test_a_gz_with_a_flipped_byte(tmp_path):
    packed = bytearray(gzip.compress(os.urandom(10_000).hex().encode()))
    packed[5000] ^= 0xFF
    path = tmp_path / "a.txt.gz"
    path.write_bytes(packed)
    with pytest.raises(UserError, match="cannot be read further"):
        list(iterate_texts(path))


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("trian.tsv", "trian.tsv: no such file. Did you mean 'train.tsv'?"),
        ("nowhere/train.tsv", "no such file. The folder '{folder}/nowhere' does not exist."),
        ("*.csv", "*.csv: no file matches this pattern"),
        ("inner", "inner: is a directory, expected a file"),
        ("weights.bin", "the extension '.bin' names no format"),
        ("table.parquet.gz", "parquet files are not read from .gz; unpack it first"),
        ("records.tfrecord.xz", "tfrecord files are not read from .xz; unpack it first"),
    ],
)
def test_paths_are_checked_before_anything_is_read(tmp_path, given, words):
    (tmp_path / "inner").mkdir()
    for name in ("train.tsv", "weights.bin", "table.parquet.gz", "records.tfrecord.xz"):
        (tmp_path / name).write_text("x\t1\n")
    with pytest.raises(UserError) as caught:
        read_rows([tmp_path / "train.tsv", str(tmp_path / given)], INDEXED)
    assert words.format(folder=tmp_path) in str(caught.value)


def test_no_files_and_a_format_that_cannot_be_piped():
    with pytest.raises(UserError, match="no files were given"):
        read_rows([], INDEXED)
    with pytest.raises(UserError, match="parquet cannot be read from the standard input"):
        read_rows("-", TableSpec(text_column="t", file_format="parquet"))


@pytest.mark.parametrize("spec", [INDEXED, TableSpec(text_column=0)])
def test_columns_asked_of_txt(tmp_path, spec):
    (tmp_path / "a.txt").write_text("x\t1\n")
    with pytest.raises(UserError, match=r"a\.txt: read as txt, one text a line.*'tsv'"):
        read_rows(tmp_path / "a.txt", spec)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_without_permission(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("x\n")
    path.chmod(0)
    with pytest.raises(UserError, match=r"a\.txt: cannot be opened: Permission denied"):
        list(iterate_texts(path))


def test_good_spec_has_no_problems():
    assert TableSpec().problems() == []
    spec = TableSpec(("a.csv",), "csv", "text", "2", 3, True, ";")
    assert spec.problems() == []
    assert json.loads(json.dumps(spec.columns)) == ["text", "2", 3]


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"files": "train.tsv"}, "files must be a tuple of paths, got 'train.tsv'"),
        ({"files": ("",)}, "files must be a tuple of paths"),
        ({"file_format": "json"}, "got 'json'. Did you mean 'jsonl'?"),
        ({"text_column": 1.5}, "text_column must be a name or a 0-based index, got 1.5"),
        ({"text_column": True}, "text_column must be a name or a 0-based index, got True"),
        ({"text_column": ""}, "text_column must be a name or a 0-based index, got ''"),
        ({"label_column": -1}, "label_column counts from 0, got -1"),
        ({"text_column": "1", "label_column": 1}, "label_column and text_column are both 1"),
        ({"text_column": "text", "header": False}, "a column is named 'text'"),
        ({"file_format": "txt", "label_column": 1}, "'txt' has one text a line"),
        ({"delimiter": "::"}, "delimiter must be one character, got '::'"),
        ({"delimiter": '"'}, "delimiter must be one character"),
        ({"delimiter": ",", "file_format": "jsonl"}, "means nothing in file_format 'jsonl'"),
    ],
)
def test_problems_of_a_spec(fields, words):
    problems = TableSpec(**fields).problems()
    assert len(problems) == 1
    assert words in problems[0]


def test_a_wrong_spec_is_refused_with_all_its_problems(tmp_path):
    spec = TableSpec(file_format="cvs", text_column=-1)
    with pytest.raises(UserError, match=r"(?s)spec is wrong:.*file_format.*text_column"):
        read_rows(tmp_path / "a.csv", spec)

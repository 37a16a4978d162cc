"""Rows of TFRecord files of tf.train.Example."""

import pytest
import tensorflow as tf

from keras_bert_cls.data.bad_rows import BadRows
from keras_bert_cls.data.readers import iterate_texts, read_rows
from keras_bert_cls.data.table_spec import TableSpec
from keras_bert_cls.errors import UserError

SPEC = TableSpec(text_column="text", label_column="label")


def example(**values) -> bytes:
    features = {}
    for name, value in values.items():
        several = value if isinstance(value, list) else [value]
        if all(isinstance(v, bytes) for v in several):
            feature = tf.train.Feature(bytes_list=tf.train.BytesList(value=several))
        elif all(isinstance(v, int) for v in several):
            feature = tf.train.Feature(int64_list=tf.train.Int64List(value=several))
        else:
            feature = tf.train.Feature(float_list=tf.train.FloatList(value=several))
        features[name] = feature
    return tf.train.Example(features=tf.train.Features(feature=features)).SerializeToString()


def write(path, records, options=None):
    with tf.io.TFRecordWriter(str(path), options) as writer:
        for record in records:
            writer.write(record)
    return path


@pytest.mark.parametrize(
    ("name", "options"),
    [("a.tfrecord", None), ("a.tfrecord-00000-of-00001", None), ("a.tfrecord.gz", "GZIP")],
)
def test_rows_of_every_kind_of_label(tmp_path, name, options):
    records = [
        example(text="第一\n行\u2028".encode(), label=b" pos "),
        example(text=b"two", label=3),
        example(text=b"three", label=0.5),
        example(text=b"four", label=[b"p", b"q"]),
        example(text=b"five", label=[]),
    ]
    path = write(tmp_path / name, records, options)
    rows = list(read_rows(path, SPEC))
    assert [row.text for row in rows] == ["第一\n行\u2028", "two", "three", "four", "five"]
    assert [row.label for row in rows] == ["pos", "3", "0.5", ("p", "q"), ()]
    assert [row.line for row in rows] == [1, 2, 3, 4, 5]
    assert next(iterate_texts(path, "text")) == "第一\n行\u2028"


@pytest.mark.parametrize(
    ("record", "kind", "words"),
    [
        (example(text=b"\xff", label=1), "broken encoding", "byte 0xff at byte 1"),
        (example(text=b" ", label=1), "empty text", "the text is empty"),
        (example(text=[b"a", b"b"], label=1), "wrong type", "must be a string, got list"),
        (example(text=7, label=1), "wrong type", "must be a string, got int 7"),
        (example(words=b"a", label=1), "missing column", "The columns are 'label', 'words'."),
        (b"\xff\xff", "broken record", "no tf.train.Example"),
    ],
    # A serialized message is no name: the order of its fields differs from process to process.
    ids=["not_utf8", "blank", "list", "number", "no_text", "no_example"],
)
def test_a_bad_record_is_named_by_its_number(tmp_path, record, kind, words):
    good = example(text=b"x", label=1)
    path = write(tmp_path / "a.tfrecord", [good, record, good])
    with pytest.raises(UserError) as caught:
        list(read_rows(path, SPEC))
    assert str(caught.value).startswith(f"{path}:2: ")
    assert words in str(caught.value)
    bad_rows = BadRows("skip")
    assert [row.line for row in read_rows(path, SPEC, bad_rows)] == [1, 3]
    assert bad_rows.counts == {kind: 1}


@pytest.mark.parametrize(("name", "options"), [("a.tfrecord", None), ("a.tfrecord.gz", "GZIP")])
def test_a_truncated_file(tmp_path, name, options):
    path = write(tmp_path / name, [example(text=b"x" * 50, label=1)] * 600, options)
    packed = path.read_bytes()
    for cut in (5, 50, len(packed) // 2 + 1):  # none of them between records
        path.write_bytes(packed[:-cut])
        with pytest.raises(UserError) as caught:
            list(read_rows(path, SPEC))
        message = str(caught.value)
        assert message.startswith(f"{path}:")
        assert "truncated" in message
        assert "{{" not in message


def test_a_damaged_record(tmp_path):
    path = write(tmp_path / "a.tfrecord", [example(text=b"x" * 50, label=1)] * 600)
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 0xFF
    path.write_bytes(data)
    seen = []
    with pytest.raises(UserError, match=r"a\.tfrecord:257: at this record or one of the 255 after"):
        seen.extend(row.line for row in read_rows(path, SPEC))
    assert seen == list(range(1, 257))


def test_a_file_that_is_no_tfrecord_file(tmp_path):
    path = tmp_path / "a.tfrecord"
    path.write_text("text\tlabel\n" * 100)
    with pytest.raises(
        UserError, match=r"a\.tfrecord:1: .* no TFRecord file: (truncated|corrupted)"
    ):
        list(read_rows(path, SPEC))


def test_text_column_must_be_given(tmp_path):
    path = write(tmp_path / "a.tfrecord", [example(text=b"x", label=1)])
    with pytest.raises(UserError, match="The columns are 'label', 'text'"):
        list(read_rows(path, TableSpec()))

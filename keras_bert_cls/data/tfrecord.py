"""Records of TFRecord files of tf.train.Example. The one reader here that needs TensorFlow."""

from collections.abc import Iterator
from typing import Any

from keras_bert_cls.data.bad_rows import BadRows, RowError
from keras_bert_cls.data.columns import record_of_fields
from keras_bert_cls.data.rows import Record
from keras_bert_cls.data.source_files import SourceFile
from keras_bert_cls.data.table_spec import TableSpec
from keras_bert_cls.errors import UserError

# One record at a time costs 100 µs in the iterator alone.
_RECORDS_A_BATCH = 256


def tfrecord_records(file: SourceFile, spec: TableSpec, bad_rows: BadRows) -> Iterator[Record]:
    """Streams the records of a TFRecord file; a record's line is its number, counted from 1."""
    for number, serialized in enumerate(_serialized_examples(file), start=1):
        where = file.where(number)
        try:
            record = record_of_fields(number, _parse(serialized, where), spec, where)
        except RowError as error:
            bad_rows.add(error)
            continue
        yield record


def _serialized_examples(file: SourceFile) -> Iterator[bytes]:
    import tensorflow as tf

    if file.compression is not None:
        # TensorFlow 2.20 takes the cut end of a gzip stream for its true end.
        file.require_complete()
    compression = "GZIP" if file.compression == "gz" else ""
    dataset = tf.data.TFRecordDataset(file.path, compression).batch(_RECORDS_A_BATCH)
    number = 0
    try:
        for batch in dataset.as_numpy_iterator():
            yield from batch
            number += len(batch)
    except tf.errors.OpError as error:
        reason = error.message.rpartition("}} ")[2].partition(" [Op:")[0]
        raise UserError(
            f"{file.where(number + 1)}: at this record or one of the {_RECORDS_A_BATCH - 1} after "
            f"it, the file is truncated, damaged or no TFRecord file: {reason}. (Files packed with "
            "gzip need the extension .gz.)"
        ) from error


def _parse(serialized: bytes, where: str) -> dict[str, object]:
    import tensorflow as tf
    from google.protobuf.message import DecodeError

    try:
        features = tf.train.Example.FromString(serialized).features.feature
    except DecodeError as error:
        raise RowError("broken record", where, "the record is no tf.train.Example.") from error
    return {name: _value(features[name]) for name in sorted(features)}


def _value(feature: Any) -> object:
    """Returns the value of a feature that holds one, else the list of its values."""
    kind = feature.WhichOneof("kind")
    if kind is None:
        return None
    values = list(getattr(feature, kind).value)
    return values[0] if len(values) == 1 else values

"""Records of parquet files, through pyarrow (the extra "data")."""

from collections.abc import Iterator
from typing import Any

from keras_bert_cls.data.columns import find_columns
from keras_bert_cls.data.rows import Record
from keras_bert_cls.data.source_files import SourceFile
from keras_bert_cls.data.table_spec import TableSpec
from keras_bert_cls.errors import UserError

_ROWS_A_BATCH = 1024


def parquet_records(file: SourceFile, spec: TableSpec) -> Iterator[Record]:
    """Streams the records of a parquet file; a record's line is its number, counted from 1."""
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as error:
        raise UserError(
            f"{file.path}: parquet needs pyarrow. Install it: pip install 'keras_bert_cls[data]'"
        ) from error
    number = 0
    try:
        with pyarrow.parquet.ParquetFile(file.path) as table:
            names = table.schema_arrow.names
            positions = find_columns(spec, names, file.name)
            wanted = [names[position] for position in positions if position is not None]
            for batch in table.iter_batches(batch_size=_ROWS_A_BATCH, columns=wanted):
                columns = [
                    [None] * len(batch) if p is None else _values(batch.column(names[p]))
                    for p in positions
                ]
                for values in zip(*columns, strict=True):
                    number += 1
                    yield Record(number, *values)
    except (pyarrow.ArrowException, OSError) as error:
        raise UserError(
            f"{file.where(number + 1)}: the parquet file cannot be read further: {error}"
        ) from error


def _values(column: Any) -> list[object]:
    """Returns the Python values of an Arrow array; strings that are not UTF-8 as bytes."""
    try:
        return column.to_pylist()
    except UnicodeDecodeError:
        return [_value(scalar) for scalar in column]


def _value(scalar: Any) -> object:
    try:
        return scalar.as_py()
    except UnicodeDecodeError:
        return scalar.as_buffer().to_pybytes()

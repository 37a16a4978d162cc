"""Records of jsonl files: one JSON object a line."""

import json
from collections.abc import Iterator

from keras_bert_cls.data.bad_rows import BadRows, RowError
from keras_bert_cls.data.columns import record_of_fields
from keras_bert_cls.data.rows import Record
from keras_bert_cls.data.source_files import SourceFile
from keras_bert_cls.data.table_spec import TableSpec
from keras_bert_cls.data.text_lines import (
    read_lines,
    single_lines,
    sound_lines,
    without_trailing_blanks,
)


def jsonl_records(file: SourceFile, spec: TableSpec, bad_rows: BadRows) -> Iterator[Record]:
    """Streams the records of a jsonl file; columns are keys of the objects."""
    lines = sound_lines(without_trailing_blanks(read_lines(file)), file, bad_rows)
    for line in single_lines(lines):
        where = file.where(line.number)
        try:
            record = record_of_fields(line.number, _parse(line.text, where), spec, where)
        except RowError as error:
            bad_rows.add(error)
            continue
        yield record


def _parse(text: str, where: str) -> dict[str, object]:
    try:
        value = json.loads(text)
    except json.JSONDecodeError as error:
        message = f"broken JSON at column {error.colno}: {error.msg}. Expected one object a line."
        raise RowError("broken JSON", where, message) from error
    except (ValueError, RecursionError) as error:
        raise RowError("broken JSON", where, f"broken JSON: {error}.") from error
    if not isinstance(value, dict):
        message = f"expected a JSON object, got {type(value).__name__} {text:.80}."
        raise RowError("broken JSON", where, message)
    return value

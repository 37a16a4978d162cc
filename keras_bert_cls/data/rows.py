"""An example as it stands in a file, and the checks that make one out of raw values."""

import itertools
import math
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from keras_bert_cls.data.bad_rows import BadRows, RowError
from keras_bert_cls.data.source_files import SourceFile
from keras_bert_cls.data.table_spec import TableSpec

# One label, or the several labels of a multi-label row that the file keeps as a list.
Label = str | tuple[str, ...]


class Row(NamedTuple):
    """An example as it stands in a file.

    Attributes:
      file: the file's path.
      line: 1-based line at which the row starts; in parquet and TFRecord the number of the record.
      text: the text, not blank.
      text_pair: the second text, not blank; None if the spec asks for none.
      label: the label without surrounding white space, or the labels if the file keeps a list of
        them; None if the spec asks for none.
    """

    file: str
    line: int
    text: str
    text_pair: str | None = None
    label: Label | None = None

    @property
    def where(self) -> str:
        """file:line."""
        return f"{self.file}:{self.line}"


class Record(NamedTuple):
    """The raw values of a row: strings, bytes or what JSON, parquet and tf.Example hold."""

    line: int
    text: object
    text_pair: object = None
    label: object = None


def make_row(record: Record, file: SourceFile, spec: TableSpec) -> Row:
    """Checks the raw values that `spec` asks for.

    Raises:
      RowError: a text is blank or no text, or the label is missing or of no use.
    """
    where = file.where(record.line)
    text = _text(record.text, "text", where)
    text_pair = label = None
    if spec.text_pair_column is not None:
        text_pair = _text(record.text_pair, "second text", where)
    if spec.label_column is not None:
        label = _label_field(record.label, where)
    return Row(file.name, record.line, text, text_pair, label)


def checked_rows(
    records: Iterable[Record], file: SourceFile, spec: TableSpec, bad_rows: BadRows
) -> Iterator[Row]:
    """Yields the rows of the records that `make_row` accepts, gives the others to `bad_rows`."""
    for record in records:
        try:
            row = make_row(record, file, spec)
        except RowError as error:
            bad_rows.add(error)
            continue
        yield row


def rows_of_columns(
    name: str,
    first: int,
    columns: Iterable[Sequence[str] | None],
) -> Iterator[Row] | None:
    """Returns what `make_row` makes of many records; None if it refuses one of them.

    Args:
      name: of the file.
      first: line of the first; each stands in a line of its own, without a line break.
      columns: text, second text and label, decoded from UTF-8; None where not wanted.
    """
    texts, text_pairs, labels = columns
    if labels is not None:
        labels = [label.strip() for label in labels]
    wanted = [column for column in (texts, text_pairs, labels) if column is not None]
    if not all(all(map(str.strip, column)) for column in wanted):
        return None
    nothing = itertools.repeat(None)
    values = (nothing if column is None else column for column in (texts, text_pairs, labels))
    return map(Row, itertools.repeat(name), itertools.count(first), *values)


def _text(value: object, role: str, where: str) -> str:
    if value is None:
        raise RowError("empty text", where, f"the {role} is missing.")
    text = _string(value, role, where)
    if not text.strip():
        raise RowError("empty text", where, f"the {role} is empty.")
    return text


def _string(value: object, role: str, where: str) -> str:
    if isinstance(value, bytes):
        try:
            return value.decode("utf-8")
        except UnicodeDecodeError as error:
            byte = f"byte 0x{value[error.start]:02x} at byte {error.start + 1}"
            raise RowError("broken encoding", where, f"the {role} is not UTF-8: {byte}.") from error
    if not isinstance(value, str):
        got = f"{type(value).__name__} {value!r:.80}"
        raise RowError("wrong type", where, f"the {role} must be a string, got {got}.")
    try:
        value.encode("utf-8")
    except UnicodeEncodeError as error:
        # JSON can spell one half of a surrogate pair; it is no character and has no bytes.
        half = f"\\u{ord(value[error.start]):04x}"
        message = f"the {role} holds {half}, one half of a surrogate pair."
        raise RowError("broken encoding", where, message) from error
    return value


def _label_field(value: object, where: str) -> Label:
    if isinstance(value, list):
        return tuple(_one_label(item, where) for item in value)
    return _one_label(value, where)


def _one_label(value: object, where: str) -> str:
    if isinstance(value, bool):
        value = "true" if value else "false"
    elif isinstance(value, int | float) and not math.isnan(value):
        value = str(value)
    # Data frames write NaN where there is no value.
    label = "" if value is None or isinstance(value, float) else _string(value, "label", where)
    label = label.strip()
    if not label:
        raise RowError("missing label", where, "the label is missing.")
    if "\n" in label:
        raise RowError("broken label", where, f"the label {label!r:.80} has a line break.")
    return label

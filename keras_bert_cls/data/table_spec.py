"""Which files hold the examples, and in which columns. Imports no TensorFlow: configs hold it."""

import dataclasses

from keras_bert_cls.errors import UserError, closest

FILE_FORMATS = ("txt", "tsv", "csv", "jsonl", "parquet", "tfrecord")
DELIMITERS = {"tsv": "\t", "csv": ","}


def column_index(column: str | int) -> int | None:
    """Returns the 0-based index that `column` stands for (2 or "2"), None if it is a name."""
    if isinstance(column, int):
        return column
    return int(column) if column.isascii() and column.isdecimal() else None


@dataclasses.dataclass(frozen=True)
class TableSpec:
    """Which files hold the examples, and in which columns.

    A column is a name or a 0-based index (2 or "2"); a name made of digits is looked for in the
    header first. Files are UTF-8; `.gz` and `.xz` are unpacked while reading.

    Attributes:
      files: paths and glob patterns, read in this order; "-" is the standard input.
      file_format: one of FILE_FORMATS; None takes each file's from its extension.
      text_column: the text; None for txt, which has one text a line and no columns.
      text_pair_column: the second text of a pair; None where examples have one text.
      label_column: the label; None where examples have none.
      header: whether the first row of csv and tsv names the columns. None: it does if a column
        is given by name, it does not if all are given by index.
      delimiter: the character between fields; None is "," in csv and a tab in tsv.
    """

    files: tuple[str, ...] = ()
    file_format: str | None = None
    text_column: str | int | None = None
    text_pair_column: str | int | None = None
    label_column: str | int | None = None
    header: bool | None = None
    delimiter: str | None = None

    @property
    def columns(self) -> tuple[str | int | None, str | int | None, str | int | None]:
        """The columns of text, second text and label."""
        return self.text_column, self.text_pair_column, self.label_column

    @property
    def has_header(self) -> bool:
        """Whether the first row of csv and tsv names the columns."""
        if self.header is not None:
            return self.header
        return any(column_index(column) is None for column in self.columns if column is not None)

    def problems(self) -> list[str]:
        """Returns what is wrong with the spec, a sentence each; empty if all is well."""
        found = []
        if isinstance(self.files, str) or not all(isinstance(f, str) and f for f in self.files):
            found.append(f"files must be a tuple of paths, got {self.files!r}")
        if self.file_format is not None and self.file_format not in FILE_FORMATS:
            hint = closest(str(self.file_format), FILE_FORMATS)
            found.append(
                f"file_format must be one of {FILE_FORMATS}, got {self.file_format!r}.{hint}"
            )
        return found + self._column_problems() + self._layout_problems()

    def validate(self) -> None:
        """Raises UserError that lists every problem."""
        if found := self.problems():
            raise UserError("the table spec is wrong:\n" + "\n".join(f"  {p}" for p in found))

    def _column_problems(self) -> list[str]:
        found = []
        taken: dict[str, str] = {}
        for field in ("text_column", "text_pair_column", "label_column"):
            column = getattr(self, field)
            if column is None:
                continue
            if isinstance(column, bool) or not isinstance(column, str | int) or column == "":
                found.append(f"{field} must be a name or a 0-based index, got {column!r}")
            elif isinstance(column, int) and column < 0:
                found.append(f"{field} counts from 0, got {column}")
            elif (other := taken.setdefault(str(column), field)) != field:
                found.append(f"{field} and {other} are both {column!r}")
        return found

    def _layout_problems(self) -> list[str]:
        found = []
        named = [c for c in self.columns if isinstance(c, str) and column_index(c) is None]
        if self.header is False and named:
            found.append(f"header=False leaves no names, but a column is named {named[0]!r}")
        if self.file_format == "txt" and (self.text_pair_column, self.label_column) != (None, None):
            found.append("file_format 'txt' has one text a line and no columns; use 'tsv'")
        if self.delimiter is not None:
            one_character = isinstance(self.delimiter, str) and len(self.delimiter) == 1
            if not one_character or self.delimiter in '"\r\n':
                found.append(f"delimiter must be one character, got {self.delimiter!r}")
            if self.file_format is not None and self.file_format not in DELIMITERS:
                found.append(f"delimiter means nothing in file_format {self.file_format!r}")
        return found

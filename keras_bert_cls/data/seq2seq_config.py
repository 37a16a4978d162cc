"""What a sequence-to-sequence run's config says about its data. Imports no TensorFlow."""

import dataclasses

from keras_bert_cls.data.bad_rows import POLICIES
from keras_bert_cls.data.config import choice_problem, path_problems
from keras_bert_cls.data.table_spec import TableSpec


@dataclasses.dataclass
class Seq2SeqData:
    """Texts and what is to be made of them.

    Attributes:
      train_files, dev_files, test_files: paths and glob patterns of the three splits. The loss on
        dev chooses the best checkpoint; test is scored once, at the end.
      file_format, text_column, header, delimiter: see TableSpec.
      target_column: the text to write.
      max_length: tokens of a packed text, [CLS] and [SEP] included; longer ones are cut.
      max_target_length: tokens of a target, its [SEP] included; longer ones are cut.
      on_bad_row: "error" stops at the first row that cannot be used, "skip" counts and reports.
      drop_held_out_texts: leaves out training rows whose text stands in dev or test; they are
        counted and reported.
    """

    train_files: tuple[str, ...] = ()
    dev_files: tuple[str, ...] = ()
    test_files: tuple[str, ...] = ()
    file_format: str | None = None
    text_column: str | None = None
    target_column: str | None = None
    header: bool | None = None
    delimiter: str | None = None
    max_length: int = 128
    max_target_length: int = 64
    on_bad_row: str = "error"
    drop_held_out_texts: bool = False

    def table(self, files: tuple[str, ...]) -> TableSpec:
        """Returns how `files`, one of the splits, are to be read; the target is a second text."""
        return TableSpec(
            files=tuple(files),
            file_format=self.file_format,
            text_column=self.text_column,
            text_pair_column=self.target_column,
            header=self.header,
            delimiter=self.delimiter,
        )

    def problems(self) -> list[str]:
        """Returns what is wrong with the config, a sentence each; empty if all is well."""
        found = [] if self.train_files else ["train_files names no training data"]
        if self.target_column is None:
            found.append("target_column is not given")
        if self.max_length < 8:
            found.append(f"max_length must be at least 8, got {self.max_length}")
        if self.max_target_length < 2:
            found.append(f"max_target_length must be at least 2, got {self.max_target_length}")
        found += choice_problem("on_bad_row", self.on_bad_row, POLICIES)
        found += path_problems(self, ("train_files", "dev_files", "test_files"))
        table = (p.replace("text_pair_column", "target_column") for p in self.table(()).problems())
        return found + list(table)

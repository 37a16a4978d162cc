"""What a fine-tuning config says about a teacher. Imports no TensorFlow."""

import dataclasses
import math

from keras_bert_cls.data.config import path_problems
from keras_bert_cls.data.table_spec import TableSpec


@dataclasses.dataclass
class DistillationConfig:
    """Learning from a teacher's soft labels (Hinton et al. 2015, https://arxiv.org/abs/1503.02531).

    The loss is (1 - weight) times the mean hard loss over the rows with a label, plus weight times
    the mean soft loss over all rows; see DistillationObjective.

    Attributes:
      teacher: workdir of a finished run of the same task and labels; "" learns from labels alone.
      temperature: what logits are divided by before they are compared; not looked at in regression.
      weight: share of the soft loss.
      unlabelled_files: paths and glob patterns of texts without labels, for which the teacher alone
        says what is right. Bad rows are treated as data.on_bad_row says.
      file_format, text_column, text_pair_column, header, delimiter: of `unlabelled_files`; see
        TableSpec.
    """

    teacher: str = ""
    temperature: float = 2.0
    weight: float = 0.5
    unlabelled_files: tuple[str, ...] = ()
    file_format: str | None = None
    text_column: str | None = None
    text_pair_column: str | None = None
    header: bool | None = None
    delimiter: str | None = None

    def table(self) -> TableSpec:
        """Returns how `unlabelled_files` are to be read."""
        return TableSpec(
            files=tuple(self.unlabelled_files),
            file_format=self.file_format,
            text_column=self.text_column,
            text_pair_column=self.text_pair_column,
            header=self.header,
            delimiter=self.delimiter,
        )

    def problems(self) -> list[str]:
        """Returns what is wrong with the config, a sentence each; empty if all is well."""
        found = []
        if not 0 < self.temperature < math.inf:
            found.append(f"temperature must be over 0 and finite, got {self.temperature}")
        if not 0 < self.weight <= 1:
            found.append(f"weight must be in (0, 1], got {self.weight}")
        if self.unlabelled_files and not self.teacher:
            found.append("unlabelled_files are given, but teacher names no run to judge them")
        found += path_problems(self, ("unlabelled_files",))
        return found + self.table().problems()

"""What a fine-tuning config says about a teacher. Imports no TensorFlow."""

import dataclasses
import math

from keras_bert_cls.data.config import path_problems
from keras_bert_cls.data.table_spec import TableSpec

_OF_UNLABELLED = {"file_format", "text_column", "text_pair_column", "header", "delimiter"}


@dataclasses.dataclass
class DistillationConfig:
    """Learning from a teacher's soft labels (Hinton et al. 2015, https://arxiv.org/abs/1503.02531).

    The loss is (1 - weight) times the mean hard loss over the rows with a label, plus weight times
    the mean soft loss over all rows; see DistillationObjective. With `pseudo_confidence` the
    teacher's choices are taken for labels instead (Lee 2013, "Pseudo-Label: the simple and
    efficient semi-supervised learning method for deep neural networks"), and temperature and weight
    must stay as they are.

    Attributes:
      teacher: workdir of a finished run of the same task and labels; "" learns from labels alone.
      temperature: what logits are divided by before they are compared; not looked at in regression.
      weight: share of the soft loss.
      unlabelled_files: paths and glob patterns of texts without labels, for which the teacher alone
        says what is right. Bad rows are treated as data.on_bad_row says.
      file_format, text_column, text_pair_column, header, delimiter: of `unlabelled_files`; see
        TableSpec.
      pseudo_confidence: unlabelled texts are trained on if the teacher gives its choice at least
        this probability (for multi-label: each of its yes and no); 0 learns from soft labels.
      pseudo_weight: of such a text in the loss; one with a label weighs 1.
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
    pseudo_confidence: float = 0.0
    pseudo_weight: float = 1.0

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
        found += self._given_for_nothing()
        found += self._pseudo_problems()
        found += path_problems(self, ("unlabelled_files",))
        return found + self.table().problems()

    def _given_for_nothing(self) -> list[str]:
        """Names the fields that have no effect beside the others."""
        defaults = DistillationConfig()
        given = {
            field.name
            for field in dataclasses.fields(self)
            if getattr(self, field.name) != getattr(defaults, field.name)
        }
        if not self.teacher:
            idle, missing = given, "teacher names no run"
        elif not self.unlabelled_files:
            idle, missing = given & _OF_UNLABELLED, "unlabelled_files names no texts"
        else:
            return []
        return [f"{', '.join(sorted(idle))}: given, but {missing}"] if idle else []

    def _pseudo_problems(self) -> list[str]:
        found = []
        if not 0 <= self.pseudo_confidence <= 1:
            found.append(f"pseudo_confidence must be in [0, 1], got {self.pseudo_confidence}")
        if not 0 < self.pseudo_weight < math.inf:
            found.append(f"pseudo_weight must be over 0 and finite, got {self.pseudo_weight}")
        if not self.pseudo_confidence:
            if self.pseudo_weight != 1:
                found.append("pseudo_weight is given, but pseudo_confidence is 0")
            return found
        if not self.unlabelled_files:
            found.append("pseudo_confidence is given, but unlabelled_files names no texts")
        defaults = DistillationConfig()
        found += [
            f"{field} is of soft labels: it can't be given with pseudo_confidence"
            for field in ("temperature", "weight")
            if getattr(self, field) != getattr(defaults, field)
        ]
        return found

"""What a run's config says about its data. Imports no TensorFlow, so that `--help` stays light."""

import dataclasses

from keras_bert_cls.data.bad_rows import POLICIES
from keras_bert_cls.data.label_structure import LabelStructure
from keras_bert_cls.data.labels import SEPARATOR
from keras_bert_cls.data.table_spec import TableSpec
from keras_bert_cls.errors import closest

CLASSIFICATION_TASKS = ("single_label", "multi_label", "regression")
PAIR_OBJECTIVES = ("none", "nsp", "sop")
SEGMENTERS = ("none", "jieba")


def choice_problem(field: str, value: object, known: tuple[str, ...]) -> list[str]:
    """Returns a one-sentence list if `value` is none of `known`, else an empty one."""
    if value in known:
        return []
    return [f"{field} must be one of {known}, got {value!r}.{closest(str(value), known)}"]


def path_problems(config: object, fields: tuple[str, ...]) -> list[str]:
    """Returns what is wrong with fields of paths, a sentence each; empty if all is well."""
    found = []
    for field in fields:
        paths = getattr(config, field)
        if isinstance(paths, str):
            found.append(f"{field} must be a tuple of paths, got {paths!r}")
        elif "-" in paths:
            found.append(f"{field} must name files, which are read more than once, got '-'")
    return found


@dataclasses.dataclass
class MaskingConfig:
    """How tokens are masked (Devlin et al. 2018, section 3.1).

    Attributes:
      rate: share of the tokens to predict.
      mask_share: of those, the share replaced by [MASK].
      random_share: of those, the share replaced by a random token; the rest stay as they are.
      whole_words: all pieces of a word are chosen together (Cui et al. 2019,
        https://arxiv.org/abs/1906.08101).
    """

    rate: float = 0.15
    mask_share: float = 0.8
    random_share: float = 0.1
    whole_words: bool = True

    def problems(self) -> list[str]:
        """Returns what is wrong with the config, a sentence each; empty if all is well."""
        found = []
        if not 0 < self.rate < 1:
            found.append(f"rate must be in (0, 1), got {self.rate}")
        shares = (self.mask_share, self.random_share)
        if min(shares) < 0 or sum(shares) > 1:
            found.append(
                "mask_share and random_share must be at least 0 and at most 1 together, "
                f"got {self.mask_share} and {self.random_share}"
            )
        return found


@dataclasses.dataclass
class PretrainingData:
    """Unlabelled text; see `iterate_documents` for what a document is.

    Attributes:
      files: paths and glob patterns of the training text.
      packed: folder of bertcls-pack that holds the training text ready for use; `files`, and how
        they are to be read, are not looked at then. "" reads `files`.
      dev_files: text on which the loss is measured; empty for none.
      file_format, text_column: see TableSpec.
      one_document_per_line: makes each line of a txt file a document.
      on_bad_row: "error" stops at a line that cannot be used, "skip" counts and reports such.
      max_length: tokens of a sequence, [CLS] and [SEP] included.
      pair_objective: "none", "nsp" (Devlin et al. 2018: is B the text after A?) or "sop" (Lan et
        al. 2019, https://arxiv.org/abs/1909.11942: do A and B stand in their order?).
      word_segmenter: who finds words of several Chinese characters for whole-word masking: "none"
        or "jieba" (the extra [zh]).
    """

    files: tuple[str, ...] = ()
    packed: str = ""
    dev_files: tuple[str, ...] = ()
    file_format: str | None = None
    text_column: str | None = None
    one_document_per_line: bool = False
    on_bad_row: str = "error"
    max_length: int = 128
    pair_objective: str = "none"
    word_segmenter: str = "none"

    def problems(self) -> list[str]:
        """Returns what is wrong with the config, a sentence each; empty if all is well."""
        found = [] if self.files or self.packed else ["files names no training text"]
        if self.max_length < 8:
            found.append(f"max_length must be at least 8, got {self.max_length}")
        found += choice_problem("on_bad_row", self.on_bad_row, POLICIES)
        found += choice_problem("pair_objective", self.pair_objective, PAIR_OBJECTIVES)
        found += choice_problem("word_segmenter", self.word_segmenter, SEGMENTERS)
        found += path_problems(self, ("files", "dev_files"))
        spec = TableSpec(file_format=self.file_format, text_column=self.text_column)
        return found + spec.problems()


@dataclasses.dataclass
class ClassificationData:
    """Labelled text.

    Attributes:
      train_files, dev_files, test_files: paths and glob patterns of the three splits. Scores on dev
        choose the best checkpoint; test is scored once, at the end.
      file_format, text_column, text_pair_column, label_column, header, delimiter: see TableSpec.
      task: "single_label", "multi_label" or "regression".
      labels_file: a label a line, in the order of the logits; by default the labels found in the
        training data, sorted.
      label_separator: what separates the labels of a multi-label field.
      label_path_separator: what separates the parts of single labels that are paths in a tree, such
        as "/" in travel/book_flight; "" for labels without parts. Scores look at every level then,
        and models answer with a path; head.kind="hierarchical" learns along it.
      ordered_labels: whether single labels are levels, in the order of labels_file or of the
        numbers that they are. Scores look at the distance then; head.kind="ordinal" knows it.
      max_length: tokens of a packed input, [CLS] and [SEP] included; longer texts are cut.
      on_bad_row, unknown_label: "error" stops at the first such row, "skip" counts and reports.
      drop_held_out_texts: leaves out training rows whose text stands in dev or test; they are
        counted and reported.
    """

    train_files: tuple[str, ...] = ()
    dev_files: tuple[str, ...] = ()
    test_files: tuple[str, ...] = ()
    file_format: str | None = None
    text_column: str | None = None
    text_pair_column: str | None = None
    label_column: str | None = None
    header: bool | None = None
    delimiter: str | None = None
    task: str = "single_label"
    labels_file: str | None = None
    label_separator: str = SEPARATOR
    label_path_separator: str = ""
    ordered_labels: bool = False
    max_length: int = 128
    on_bad_row: str = "error"
    unknown_label: str = "error"
    drop_held_out_texts: bool = False

    @property
    def label_structure(self) -> LabelStructure:
        """How the labels relate to each other."""
        return LabelStructure(self.label_path_separator, self.ordered_labels)

    def table(self, files: tuple[str, ...]) -> TableSpec:
        """Returns how `files`, one of the splits, are to be read."""
        return TableSpec(
            files=tuple(files),
            file_format=self.file_format,
            text_column=self.text_column,
            text_pair_column=self.text_pair_column,
            label_column=self.label_column,
            header=self.header,
            delimiter=self.delimiter,
        )

    def problems(self) -> list[str]:
        """Returns what is wrong with the config, a sentence each; empty if all is well."""
        found = [] if self.train_files else ["train_files names no training data"]
        if self.label_column is None:
            found.append("label_column is not given")
        if self.max_length < 8:
            found.append(f"max_length must be at least 8, got {self.max_length}")
        found += choice_problem("task", self.task, CLASSIFICATION_TASKS)
        found += choice_problem("on_bad_row", self.on_bad_row, POLICIES)
        found += choice_problem("unknown_label", self.unknown_label, POLICIES)
        if not self.label_separator:
            found.append("label_separator must have at least one character")
        for field in ("label_path_separator", "ordered_labels"):
            if getattr(self, field) and self.task != "single_label":
                found.append(f"{field} goes with the task 'single_label', not {self.task!r}")
        if self.label_path_separator and self.ordered_labels:
            found.append("labels are paths (label_path_separator) or ordered_labels, not both")
        found += path_problems(self, ("train_files", "dev_files", "test_files"))
        return found + self.table(()).problems()

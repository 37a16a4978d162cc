"""Checks the data of a fine-tuning run: what breaks training, and what a careful person asks about.

  bertcls-check-data --config configs/demo_finetune.py
  bertcls-check-data --config C --config.data.max_length=64 --output report.json --strict
  bertcls-check-data --train train.tsv --dev dev.tsv --test test.tsv --text_column text \\
      --label_column label --vocabulary vocab.txt

Reads the files as bertcls-finetune does. Reports leakage between splits, texts with different
labels, what the maximum length cuts, class counts, broken encoding, languages, and tokens that give
the label away. With --config the splits, columns and limits are the config's; without --vocabulary
(and --config) lengths are estimated.

Exit codes: 0 nothing breaks training, 1 something does (with --strict: or is doubtful), 2 the
command line is wrong.
"""

import json
import pathlib
import re
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from absl import flags

from keras_bert_cls.cli.output_path import check_output_file
from keras_bert_cls.cli.program import Program
from keras_bert_cls.cli.table_flags import define_column_flag, define_file_format_flag
from keras_bert_cls.data.config import CLASSIFICATION_TASKS, ClassificationData
from keras_bert_cls.data_check.finding import Severity
from keras_bert_cls.data_check.options import CheckOptions
from keras_bert_cls.errors import UserError
from keras_bert_cls.training.config import FinetuneConfig

if TYPE_CHECKING:
    from keras_bert_cls.text.tokenizer import Tokenizer

program = Program("bertcls-check-data", __doc__)

_CONFIG = flags.DEFINE_string(
    "config",
    None,
    "Python file with get_config() -> FinetuneConfig. --config.data.max_length=64 sets a field.",
    flag_values=program.flags,
)
_FILES = {
    split: flags.DEFINE_multi_string(
        split,
        [],
        f"Without --config: a file or pattern of the {split} split; may be repeated.",
        flag_values=program.flags,
    )
    for split in ("train", "dev", "test")
}
_FILE_FORMAT = define_file_format_flag(program)
_COLUMNS = {
    name: define_column_flag(program, name, content)
    for name, content in (
        ("text_column", "the text"),
        ("text_pair_column", "the second text"),
        ("label_column", "the label"),
    )
}
_TASK = flags.DEFINE_enum(
    "task",
    "single_label",
    CLASSIFICATION_TASKS,
    "Without --config: what the labels are.",
    flag_values=program.flags,
)
_MAX_LENGTH = flags.DEFINE_integer(
    "max_length", 128, "Without --config: tokens of an input.", 8, flag_values=program.flags
)
_VOCABULARY = flags.DEFINE_string(
    "vocabulary",
    None,
    "Without --config: the vocabulary to count tokens with.",
    flag_values=program.flags,
)
_LOWERCASE = flags.DEFINE_bool(
    "lowercase", True, "Without --config: put text in lower case.", flag_values=program.flags
)
_MIN_CLASS_ROWS = flags.DEFINE_integer(
    "min_class_rows",
    CheckOptions.min_class_rows,
    "Report labels with fewer training rows.",
    0,
    flag_values=program.flags,
)
_EXAMPLES = flags.DEFINE_integer(
    "examples", CheckOptions.examples, "Rows that each finding shows.", 0, flag_values=program.flags
)
_OUTPUT = flags.DEFINE_string(
    "output", None, "File for the report, JSON.", flag_values=program.flags
)
_STRICT = flags.DEFINE_bool(
    "strict", False, "End with code 1 on warnings too.", flag_values=program.flags
)

_FIELD = re.compile(r"--?(?:no)?config\.")
_ONLY_WITHOUT_CONFIG = (
    *("train", "dev", "test", "file_format", "text_column", "text_pair_column"),
    *("label_column", "task", "max_length", "vocabulary", "lowercase"),
)


class _UsageError(UserError):
    exit_code = 2


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the program; returns its exit code."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    overrides = [argument for argument in arguments if _FIELD.match(argument)]
    others = [argument for argument in arguments if not _FIELD.match(argument)]
    return program.run(lambda _: _run(overrides), others)


def _run(overrides: list[str]) -> int:
    from keras_bert_cls.data_check.check import check_data

    config = _config(overrides)
    if _OUTPUT.value:
        check_output_file("--output", _OUTPUT.value)
    report = check_data(
        config.data,
        _tokenizer(config),
        CheckOptions(_MIN_CLASS_ROWS.value, _EXAMPLES.value),
        config.head,
    )
    if _OUTPUT.value:
        text = json.dumps(report.to_json(), ensure_ascii=False, indent=2) + "\n"
        pathlib.Path(_OUTPUT.value).write_text(text, encoding="utf-8")
    print(report.to_text())
    bad = report.count(Severity.ERROR) + _STRICT.value * report.count(Severity.WARNING)
    return 1 if bad else 0


def _config(overrides: list[str]) -> FinetuneConfig:
    """Returns the config file's config, checked as bertcls-finetune does, or that of the flags."""
    if _CONFIG.value is None:
        if overrides:
            raise _UsageError(f"{overrides[0]} needs --config")
        if not _FILES["train"].value:
            raise _UsageError("--config or --train is required")
        return FinetuneConfig(data=_data_of_flags())
    given = [name for name in _ONLY_WITHOUT_CONFIG if program.flags[name].present]
    if given:
        raise _UsageError(f"--{given[0]} does not go with --config: set the config's field")
    from keras_bert_cls.cli.config_flag import load_config, override_config
    from keras_bert_cls.training.config_check import check_config

    try:
        config = load_config(_CONFIG.value, FinetuneConfig)
        config, _ = override_config(config, overrides)
    except (UserError, flags.Error) as error:
        raise _UsageError(str(error)) from error
    check_config(config)
    return config


def _data_of_flags() -> ClassificationData:
    data = ClassificationData(
        train_files=tuple(_FILES["train"].value),
        dev_files=tuple(_FILES["dev"].value),
        test_files=tuple(_FILES["test"].value),
        file_format=_FILE_FORMAT.value,
        **{name: flag.value for name, flag in _COLUMNS.items()},
        task=_TASK.value,
        max_length=_MAX_LENGTH.value,
    )
    if problems := data.problems():
        raise _UsageError("; ".join(problems))
    return data


def _tokenizer(config: FinetuneConfig) -> "Tokenizer | None":
    if _CONFIG.value is not None:
        from keras_bert_cls.training.starting_point import starting_point

        return starting_point(config).tokenizer
    if _VOCABULARY.value is None:
        return None
    from keras_bert_cls.text.tokenizer import Tokenizer

    return Tokenizer.from_vocab(_VOCABULARY.value, _LOWERCASE.value)


if __name__ == "__main__":
    raise SystemExit(main())

"""Learns a WordPiece vocabulary from text.

  bertcls-vocab --input posts.txt --output vocab.txt --size 8000
  bertcls-vocab --input 'news/*.csv.gz' --input more.jsonl --text_column text \\
      --output vocab.txt --size 21000 --cjk_min_count 20

Texts are split as the tokenizer of the model will split them, so give --lowercase and
--strip_accents here as there. Memory does not grow with the input.
"""

import pathlib
import sys
from collections.abc import Sequence

from absl import flags

from keras_bert_cls.cli.output_path import check_output_file
from keras_bert_cls.cli.program import Program
from keras_bert_cls.cli.table_flags import define_column_flag, define_file_format_flag
from keras_bert_cls.cli.tokenizer_flags import define_case_flags

program = Program("bertcls-vocab", __doc__)

_INPUT = flags.DEFINE_multi_string(
    "input",
    None,
    "A file or a glob pattern; may be repeated; - is the standard input. .gz and .xz are unpacked.",
    flag_values=program.flags,
    required=True,
)
_OUTPUT = flags.DEFINE_string(
    "output",
    None,
    "The vocabulary to write, a token a line.",
    flag_values=program.flags,
    required=True,
)
_SIZE = flags.DEFINE_integer(
    "size",
    None,
    "Tokens at most, special tokens included.",
    lower_bound=1,
    flag_values=program.flags,
    required=True,
)
_LOWERCASE, _STRIP_ACCENTS = define_case_flags(program)
_MIN_FREQUENCY = flags.DEFINE_integer(
    "min_frequency",
    2,
    "How often a character or a pair of pieces must occur to become a token.",
    lower_bound=1,
    flag_values=program.flags,
)
_CJK_MIN_COUNT = flags.DEFINE_integer(
    "cjk_min_count",
    2,
    "How often a CJK ideograph must occur to become a token.",
    lower_bound=1,
    flag_values=program.flags,
)
_TEXT_COLUMN = define_column_flag(program, "text_column", "the text")
_FILE_FORMAT = define_file_format_flag(program)
_ON_BAD_ROW = flags.DEFINE_enum(
    "on_bad_row",
    "error",
    ["error", "skip"],
    "Stop at the first row that cannot be used, or skip, count and report such rows.",
    flag_values=program.flags,
)


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the program; returns its exit code."""
    return program.run(_run, argv)


def _run(_: list[str]) -> None:
    from keras_bert_cls.data.bad_rows import BadRows
    from keras_bert_cls.data.readers import iterate_texts

    output = pathlib.Path(_OUTPUT.value)
    bad_rows = BadRows(_ON_BAD_ROW.value, option="--on_bad_row")
    texts = iterate_texts(_INPUT.value, _TEXT_COLUMN.value, _FILE_FORMAT.value, bad_rows)
    check_output_file("--output", output)
    # After the checks: these import TensorFlow.
    from keras_bert_cls.text.vocabulary_learning import learn_vocabulary

    vocabulary = learn_vocabulary(
        texts,
        size=_SIZE.value,
        lowercase=_LOWERCASE.value,
        strip_accents=_STRIP_ACCENTS.value,
        min_frequency=_MIN_FREQUENCY.value,
        cjk_min_count=_CJK_MIN_COUNT.value,
        show_progress=sys.stderr.isatty(),
    )
    vocabulary.save(output)
    if bad_rows.total:
        print(bad_rows.summary(), file=sys.stderr)
    print(f"{output}: {len(vocabulary):,} tokens")


if __name__ == "__main__":
    raise SystemExit(main())

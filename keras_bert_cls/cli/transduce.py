"""Writes a text for each text of a file or of the standard input, with a bertcls-seq2seq model.

  bertcls-transduce --model RUN_OR_EXPORT --data articles.txt
  bertcls-transduce --model RUN --data news.csv --text_column body --method beam --beams 8
  bertcls-transduce --server localhost:8500 --model_name N --data articles.txt

Prints a line for each row, in order, as soon as its batch is done. tsv: what was written and its
score; tabs and line breaks in it become spaces. jsonl: these and the text. How outputs are chosen
is what the run's config says, unless a flag changes it; in an export, and so on a server, it is
fixed.
"""

import itertools
import json
import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from absl import flags

from keras_bert_cls.cli.client_flags import define_model_or_server, open_client
from keras_bert_cls.cli.program import Program
from keras_bert_cls.cli.table_flags import define_column_flag, define_file_format_flag
from keras_bert_cls.cli.text_output import one_line, print_utf8, with_progress
from keras_bert_cls.errors import UserError
from keras_bert_cls.modeling.decoder_config import METHODS

if TYPE_CHECKING:
    from keras_bert_cls.data.rows import Row
    from keras_bert_cls.predictions import WrittenText

program = Program("bertcls-transduce", __doc__)

define_model_or_server(
    program,
    "The --workdir of a finished run, or the --output of bertcls-export or a version in it.",
)
_DATA = flags.DEFINE_string(
    "data", "-", "A file or a glob pattern; - is the standard input.", flag_values=program.flags
)
_FILE_FORMAT = define_file_format_flag(program)
_TEXT_COLUMN = define_column_flag(program, "text_column", "the text")
_BATCH_SIZE = flags.DEFINE_integer(
    "batch_size", 32, "Texts that run at once.", lower_bound=1, flag_values=program.flags
)
_OUTPUT_FORMAT = flags.DEFINE_enum(
    "output_format", "tsv", ["tsv", "jsonl"], "What to print.", flag_values=program.flags
)
_GENERATION = (
    flags.DEFINE_enum(
        "method", None, METHODS, "How outputs are chosen.", flag_values=program.flags
    ),
    flags.DEFINE_integer(
        "max_length", None, "Tokens of an output at most.", flag_values=program.flags
    ),
    flags.DEFINE_integer("beams", None, "Of a beam search.", flag_values=program.flags),
    flags.DEFINE_float(
        "length_penalty", None, "The score's alpha (Wu et al. 2016).", flag_values=program.flags
    ),
    flags.DEFINE_float(
        "top_p", None, "Share of the probability to draw from.", flag_values=program.flags
    ),
    flags.DEFINE_float(
        "temperature", None, "By which logits are divided to draw.", flag_values=program.flags
    ),
    flags.DEFINE_integer("seed", None, "Of drawing.", flag_values=program.flags),
)


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the program; returns its exit code."""
    return program.run(_run, argv)


def _run(_: list[str]) -> None:
    from keras_bert_cls.data.readers import read_rows
    from keras_bert_cls.data.table_spec import TableSpec

    spec = TableSpec(file_format=_FILE_FORMAT.value, text_column=_TEXT_COLUMN.value)
    rows = with_progress(read_rows(_DATA.value, spec), _DATA.value)
    write = _writer()
    format_line = {"tsv": _tsv_line, "jsonl": _jsonl_line}[_OUTPUT_FORMAT.value]
    print_utf8()
    while batch := list(itertools.islice(rows, _BATCH_SIZE.value)):
        for row, written in zip(batch, write([row.text for row in batch]), strict=True):
            print(format_line(row, written))
        sys.stdout.flush()


def _writer() -> "Callable[[list[str]], list[WrittenText]]":
    given = {flag.name: flag.value for flag in _GENERATION if flag.value is not None}
    if program.flags.model is None:
        if given:
            flags_given = ", ".join(f"--{name}" for name in given)
            raise UserError(f"{flags_given}: a server's model is an export, in which that is fixed")
        return open_client(program, batch_size=_BATCH_SIZE.value).generate
    from keras_bert_cls.transducer import Transducer

    transducer = Transducer.load(program.flags.model, **given)
    return lambda texts: transducer.write(texts, _BATCH_SIZE.value)


def _tsv_line(_: "Row", written: "WrittenText") -> str:
    return f"{one_line(written.text)}\t{written.score:.6f}"


def _jsonl_line(row: "Row", written: "WrittenText") -> str:
    fields = {"text": row.text, "written": written.text, "score": written.score}
    return json.dumps(fields, ensure_ascii=False)


if __name__ == "__main__":
    raise SystemExit(main())

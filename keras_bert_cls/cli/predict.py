"""Predicts labels, or values, for the texts of a file or of the standard input.

  bertcls-predict --model RUN_OR_EXPORT --data posts.txt
  bertcls-predict --server localhost:8500 --model_name N --data reviews.csv --text_column review
  bertcls-predict --model RUN_OR_EXPORT --task tone --data posts.txt

Prints a line for each row, in order, as soon as its batch is done. tsv: label, score and text; of a
regression model value and text; of a multi-label model with tuned thresholds all labels that reach
theirs, with commas between them. Tabs and line breaks in a text become spaces. jsonl: the same with
the probabilities of all labels, and of labels that are paths in a tree the path level by level.
bertcls-calibrate gives a model such thresholds, and teaches one of a single label to answer with an
unknown label.
"""

import functools
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
from keras_bert_cls.predictions import Prediction

if TYPE_CHECKING:
    from keras_bert_cls.data.rows import Row

program = Program("bertcls-predict", __doc__)

define_model_or_server(
    program,
    "The --workdir of a finished run, or the --output of bertcls-export or a version in it.",
)
_DATA = flags.DEFINE_string(
    "data", "-", "A file or a glob pattern; - is the standard input.", flag_values=program.flags
)
_FILE_FORMAT = define_file_format_flag(program)
_TEXT_COLUMN = define_column_flag(program, "text_column", "the text")
_TEXT_PAIR_COLUMN = define_column_flag(program, "text_pair_column", "the second text")
_BATCH_SIZE = flags.DEFINE_integer(
    "batch_size", 32, "Texts that run at once.", lower_bound=1, flag_values=program.flags
)
_TASK = flags.DEFINE_string(
    "task",
    None,
    "Which task of a model of several; a server's model answers its first by default.",
    flag_values=program.flags,
)
_OUTPUT_FORMAT = flags.DEFINE_enum(
    "output_format", "tsv", ["tsv", "jsonl"], "What to print.", flag_values=program.flags
)


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the program; returns its exit code."""
    return program.run(_run, argv)


def _run(_: list[str]) -> None:
    from keras_bert_cls.data.readers import read_rows
    from keras_bert_cls.data.table_spec import TableSpec

    spec = TableSpec(
        file_format=_FILE_FORMAT.value,
        text_column=_TEXT_COLUMN.value,
        text_pair_column=_TEXT_PAIR_COLUMN.value,
    )
    rows = with_progress(read_rows(_DATA.value, spec), _DATA.value)
    predict = _predictor()
    format_line = {"tsv": _tsv_line, "jsonl": _jsonl_line}[_OUTPUT_FORMAT.value]
    print_utf8()
    while batch := list(itertools.islice(rows, _BATCH_SIZE.value)):
        texts = [row.text for row in batch]
        pairs = [row.text_pair for row in batch if row.text_pair is not None]
        for row, prediction in zip(batch, predict(texts, pairs or None), strict=True):
            print(format_line(row, prediction))
        sys.stdout.flush()


def _predictor() -> Callable[[list[str], list[str] | None], list[Prediction]]:
    if program.flags.model is not None:
        from keras_bert_cls.inference import Classifier

        return Classifier.load(program.flags.model, _TASK.value, intra_op_threads=1).predict
    client = open_client(program, batch_size=_BATCH_SIZE.value)
    return functools.partial(client.predict, task=_TASK.value)


def _tsv_line(row: "Row", prediction: Prediction) -> str:
    texts = [row.text] if row.text_pair is None else [row.text, row.text_pair]
    if prediction.value is not None:
        answer = [f"{prediction.value:.6g}"]
    else:
        several = prediction.labels
        label = prediction.label if several is None else ",".join(several)
        answer = [str(label), f"{prediction.score:.6f}"]
    return "\t".join(one_line(field) for field in [*answer, *texts])


def _jsonl_line(row: "Row", prediction: Prediction) -> str:
    fields = {"text": row.text, "text_pair": row.text_pair, **vars(prediction)}
    present = {name: value for name, value in fields.items() if value is not None}
    return json.dumps(present, ensure_ascii=False)


if __name__ == "__main__":
    raise SystemExit(main())

"""Scores the model of a finished run on a labelled file; a masked LM on plain text.

  bertcls-evaluate --workdir runs/finetune --data more_posts.tsv
  bertcls-evaluate --workdir runs/finetune --data reviews.csv --file_format csv \\
      --text_column review --label_column verdict --output scores.json

Columns and file format are by default those of the run's config.
"""

from absl import flags

from keras_bert_cls.cli.program import Program
from keras_bert_cls.cli.score_table import score_table
from keras_bert_cls.cli.table_flags import define_column_flag, define_file_format_flag

program = Program("bertcls-evaluate", __doc__)

_WORKDIR = flags.DEFINE_string(
    "workdir", None, "The --workdir of a finished run.", required=True, flag_values=program.flags
)
_DATA = flags.DEFINE_multi_string(
    "data",
    None,
    "A file or a glob pattern; may be given several times.",
    required=True,
    flag_values=program.flags,
)
_FILE_FORMAT = define_file_format_flag(program)
_TEXT_COLUMN = define_column_flag(program, "text_column", "the text")
_TEXT_PAIR_COLUMN = define_column_flag(program, "text_pair_column", "the second text")
_LABEL_COLUMN = define_column_flag(program, "label_column", "the label")
_BATCH_SIZE = flags.DEFINE_integer(
    "batch_size",
    None,
    "Rows that run at once; by default the run's batch size.",
    lower_bound=1,
    flag_values=program.flags,
)
_OUTPUT = flags.DEFINE_string(
    "output", None, "A JSON file for the scores.", flag_values=program.flags
)


def main(argv: list[str] | None = None) -> int:
    """Runs the program; returns its exit code."""
    return program.run(_run, argv)


def _run(_: list[str]) -> None:
    from keras_bert_cls.training.evaluate_run import ScoredFiles, evaluate_run
    from keras_bert_cls.training.scores_file import write_scores

    data = ScoredFiles(
        tuple(_DATA.value),
        _FILE_FORMAT.value,
        _TEXT_COLUMN.value,
        _TEXT_PAIR_COLUMN.value,
        _LABEL_COLUMN.value,
        _BATCH_SIZE.value,
    )
    scores = evaluate_run(_WORKDIR.value, data, report=print)
    print(score_table(scores))
    if _OUTPUT.value is not None:
        write_scores(_OUTPUT.value, {"data": scores})


if __name__ == "__main__":
    raise SystemExit(main())

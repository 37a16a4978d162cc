"""Scores a model on a labelled file, and writes a report; scores a masked LM on plain text.

  bertcls-evaluate --workdir runs/finetune --data more_posts.tsv
  bertcls-evaluate --workdir runs/finetune --data reviews.csv --file_format csv \\
      --text_column review --label_column verdict --output scores.json
  bertcls-evaluate --workdir runs/finetune --data test.tsv --report out/
  bertcls-evaluate --workdir runs/multitask --task tone --data more_posts.tsv
  bertcls-evaluate --model exports/intents --data test.tsv --text_column text \\
      --label_column intent --out_of_scope_label oos --slice_column domain \\
      --compare_with runs/old --report out/

Columns and file format are by default those of the run's config. --report writes out/report.html, a
page of its own, and out/report.json; it needs pip install 'keras_bert_cls[report]'.
"""

import pathlib
from typing import TYPE_CHECKING

from absl import flags

from keras_bert_cls.cli.output_path import check_output_file
from keras_bert_cls.cli.program import Program
from keras_bert_cls.cli.score_table import score_table
from keras_bert_cls.cli.table_flags import define_column_flag, define_file_format_flag
from keras_bert_cls.errors import UserError

if TYPE_CHECKING:
    from keras_bert_cls.training.evaluate_run import ScoredFiles

program = Program("bertcls-evaluate", __doc__)

_ONLY_WITH_REPORT = ("compare_with", "compare_with_task", "slice_column", "out_of_scope_label")

_WORKDIR = flags.DEFINE_string(
    "workdir", None, "The --workdir of a finished run.", flag_values=program.flags
)
_MODEL = flags.DEFINE_string(
    "model",
    None,
    "Instead of --workdir: the --output of bertcls-export or a version in it, or a finished run, "
    "judged by what it answers to users.",
    flag_values=program.flags,
)
_TASK = flags.DEFINE_string(
    "task", None, "Which task of a model of several.", flag_values=program.flags
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
_ON_BAD_ROW, _UNKNOWN_LABEL = (
    flags.DEFINE_enum(
        name,
        None,
        ["error", "skip"],
        f"Stop at the first row {rows}, or skip, count and report such rows; by default as the "
        "run's config says, else stop.",
        flag_values=program.flags,
    )
    for name, rows in (
        ("on_bad_row", "that cannot be used"),
        ("unknown_label", "whose label the model does not know"),
    )
)
_BATCH_SIZE = flags.DEFINE_integer(
    "batch_size",
    None,
    "Rows that run at once; by default the run's batch size, for a report 32.",
    lower_bound=1,
    flag_values=program.flags,
)
_OUTPUT = flags.DEFINE_string(
    "output", None, "A JSON file for the scores.", flag_values=program.flags
)
_REPORT = flags.DEFINE_string(
    "report",
    None,
    "A folder for report.html and report.json.",
    flag_values=program.flags,
)
_COMPARE_WITH = flags.DEFINE_string(
    "compare_with",
    None,
    "Another run or export, to compare on the same rows.",
    flag_values=program.flags,
)
_COMPARE_WITH_TASK = flags.DEFINE_string(
    "compare_with_task",
    None,
    "Which task of --compare_with, if that has several.",
    flag_values=program.flags,
)
_SLICE_COLUMN = flags.DEFINE_multi_string(
    "slice_column",
    None,
    "Name or 0-based index of a column by whose values to score; may be given several times.",
    flag_values=program.flags,
)
_OUT_OF_SCOPE_LABEL = flags.DEFINE_string(
    "out_of_scope_label",
    None,
    "What the data calls rows that have none of the model's labels.",
    flag_values=program.flags,
)
_BOOTSTRAP_SAMPLES = flags.DEFINE_integer(
    "bootstrap_samples",
    1000,
    "Draws for confidence intervals.",
    lower_bound=1,
    flag_values=program.flags,
)


@flags.multi_flags_validator(
    ["workdir", "model"],
    "give either --workdir or --model",
    flag_values=program.flags,
)
def _one_model(values) -> bool:
    return (values["workdir"] is None) != (values["model"] is None)


@flags.multi_flags_validator(
    ["report", *_ONLY_WITH_REPORT],
    f"{', '.join(f'--{name}' for name in _ONLY_WITH_REPORT)}: only with --report",
    flag_values=program.flags,
)
def _report_has_its_flags(values) -> bool:
    return values["report"] is not None or not any(values.values())


@flags.multi_flags_validator(
    ["report", "output"],
    "--output is for the scores without --report, which writes a report.json of its own",
    flag_values=program.flags,
)
def _one_output(values) -> bool:
    return values["report"] is None or values["output"] is None


def main(argv: list[str] | None = None) -> int:
    """Runs the program; returns its exit code."""
    return program.run(_run, argv)


def _run(_: list[str]) -> None:
    from keras_bert_cls.training.evaluate_run import ScoredFiles

    data = ScoredFiles(
        tuple(_DATA.value),
        _FILE_FORMAT.value,
        _TEXT_COLUMN.value,
        _TEXT_PAIR_COLUMN.value,
        _LABEL_COLUMN.value,
        _BATCH_SIZE.value,
        _ON_BAD_ROW.value,
        _UNKNOWN_LABEL.value,
    )
    if _OUTPUT.value is not None:
        check_output_file("--output", _OUTPUT.value)
    if _WORKDIR.value is not None:
        _refuse_export(_WORKDIR.value)
    if _REPORT.value is None:
        _score(data)
    else:
        _write_report(data)


def _score(data: "ScoredFiles") -> None:
    from keras_bert_cls.evaluation.model_scores import score_model
    from keras_bert_cls.training.evaluate_run import evaluate_run
    from keras_bert_cls.training.scores_file import write_scores

    if _MODEL.value is not None:
        scores = score_model(_MODEL.value, data, print, _TASK.value)
    else:
        scores = evaluate_run(str(_WORKDIR.value), data, print, _TASK.value)
    print(score_table(scores))
    if _OUTPUT.value is not None:
        write_scores(_OUTPUT.value, {"data": scores})


def _refuse_export(workdir: str) -> None:
    from keras_bert_cls.export.versions import find_saved_model
    from keras_bert_cls.modeling.trained_model import MODEL_FILE

    if not (pathlib.Path(workdir) / MODEL_FILE).exists() and find_saved_model(workdir) is not None:
        raise UserError(f"--workdir {workdir} is an export, not a run: give it as --model")


def _write_report(data: "ScoredFiles") -> None:
    from keras_bert_cls.evaluation.bootstrap import Bootstrap
    from keras_bert_cls.evaluation.options import ReportOptions, require_report_libraries
    from keras_bert_cls.evaluation.report_files import make_report_folder, write_report

    require_report_libraries()
    folder = make_report_folder(str(_REPORT.value))
    from keras_bert_cls.evaluation.report import build_report

    options = ReportOptions(
        model=str(_MODEL.value or _WORKDIR.value),
        task=_TASK.value,
        compare_with=_COMPARE_WITH.value,
        compare_with_task=_COMPARE_WITH_TASK.value,
        slice_columns=tuple(_SLICE_COLUMN.value or ()),
        out_of_scope_label=_OUT_OF_SCOPE_LABEL.value,
        bootstrap=Bootstrap(_BOOTSTRAP_SAMPLES.value),
    )
    content = build_report(options, data, tell=lambda text: print(text, flush=True))
    write_report(folder, content)
    for name, score in content["scores"].items():
        print(f"  {name:<20}{score['value']:8.4f}  [{score['low']:.4f}, {score['high']:.4f}]")
    print(f"{folder}/report.html")


if __name__ == "__main__":
    raise SystemExit(main())

"""Calibrates a finished classifier on held-out rows, and lets it answer "unknown".

  bertcls-calibrate --workdir runs/intents
  bertcls-calibrate --workdir runs/intents --unknown_label unknown --target_accuracy 0.98
  bertcls-calibrate --workdir runs/intents --data dev.tsv --data oos.tsv --out_of_scope_label oos \\
      --unknown_label unknown --balanced
  bertcls-calibrate --workdir runs/intents --remove

Divides the logits by the temperature that suits the rows best. A single-label model may answer with
--unknown_label where its best label is not probable enough; a multi-label one gets a threshold for
each label, tuned for F1. Writes WORKDIR/decision.json: bertcls-predict, kbc.Classifier and new
exports follow it. The data is by default the dev files of the run's config, with its columns.
"""

from collections.abc import Sequence

from absl import flags

from keras_bert_cls.cli.program import Program
from keras_bert_cls.cli.table_flags import define_column_flag, define_file_format_flag

program = Program("bertcls-calibrate", __doc__)

_WORKDIR = flags.DEFINE_string(
    "workdir", None, "The --workdir of a finished run.", required=True, flag_values=program.flags
)
_DATA = flags.DEFINE_multi_string(
    "data",
    [],
    "A file or a glob pattern of labelled rows that the model was not trained on; may be given "
    "several times. By default the run's dev files.",
    flag_values=program.flags,
)
_FILE_FORMAT = define_file_format_flag(program)
_TEXT_COLUMN = define_column_flag(program, "text_column", "the text")
_TEXT_PAIR_COLUMN = define_column_flag(program, "text_pair_column", "the second text")
_LABEL_COLUMN = define_column_flag(program, "label_column", "the label")
_BATCH_SIZE = flags.DEFINE_integer(
    "batch_size", None, "Rows that run at once.", lower_bound=1, flag_values=program.flags
)
_UNKNOWN_LABEL = flags.DEFINE_string(
    "unknown_label",
    None,
    "What a single-label model answers where it is not sure enough; needs one of the goals below.",
    flag_values=program.flags,
)
_OUT_OF_SCOPE_LABEL = flags.DEFINE_string(
    "out_of_scope_label",
    None,
    "The label of rows of --data that have none of the model's labels.",
    flag_values=program.flags,
)


def _define_share(name: str, content: str) -> None:
    flags.DEFINE_float(
        name, None, content, lower_bound=0.0, upper_bound=1.0, flag_values=program.flags
    )


_define_share("reject_below", "Goal: answer from this probability on.")
_define_share(
    "target_accuracy",
    "Goal: the least threshold at which this share of the answered rows is right.",
)
_define_share(
    "target_coverage", "Goal: the highest threshold at which this share of the rows is answered."
)
_define_share(
    "target_fpr",
    "Goal: the least threshold at which at most this share of the rows out of scope is answered.",
)
flags.DEFINE_bool(
    "balanced",
    False,
    "Goal: the threshold that parts the rows in scope from those out of scope best.",
    flag_values=program.flags,
)
_PER_CLASS = flags.DEFINE_bool(
    "per_class",
    False,
    "Reach the goal for each predicted label by itself.",
    flag_values=program.flags,
)
_MIN_ROWS = flags.DEFINE_integer(
    "min_rows",
    20,
    "Rows that a label needs for a threshold of its own: predicted ones with --per_class; in a "
    "multi-label model rows that have it. Other labels share one, 0.5 in a multi-label model.",
    lower_bound=1,
    flag_values=program.flags,
)
_REMOVE = flags.DEFINE_bool(
    "remove", False, "Take the run's decision away instead.", flag_values=program.flags
)

_SHARES = ("reject_below", "target_accuracy", "target_coverage", "target_fpr")
_GOALS = (*_SHARES, "balanced")


def _given(values: dict) -> list[str]:
    return [name for name in _GOALS if values[name] not in (None, False)]


@flags.multi_flags_validator(
    ["unknown_label", *_GOALS],
    f"--unknown_label needs exactly one of {', '.join(f'--{name}' for name in _GOALS)}, and these "
    "need --unknown_label",
    flag_values=program.flags,
)
def _unknown_label_has_a_goal(values) -> bool:
    return len(_given(values)) == (values["unknown_label"] is not None)


@flags.multi_flags_validator(
    ["out_of_scope_label", "target_fpr", "balanced"],
    "--target_fpr and --balanced need --out_of_scope_label",
    flag_values=program.flags,
)
def _out_of_scope_is_named(values) -> bool:
    needed = values["target_fpr"] is not None or values["balanced"]
    return values["out_of_scope_label"] is not None or not needed


@flags.multi_flags_validator(
    ["per_class", "unknown_label", "reject_below"],
    "--per_class needs --unknown_label and a goal that rows decide, not --reject_below",
    flag_values=program.flags,
)
def _classes_differ(values) -> bool:
    decided = values["unknown_label"] is not None and values["reject_below"] is None
    return decided or not values["per_class"]


@flags.multi_flags_validator(
    ["remove", "data", "unknown_label", "out_of_scope_label"],
    "--remove goes with --workdir alone",
    flag_values=program.flags,
)
def _nothing_is_fitted_to_be_removed(values) -> bool:
    return not values["remove"] or not any(values[name] for name in values if name != "remove")


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the program; returns its exit code."""
    return program.run(_run, argv)


def _run(_: list[str]) -> None:
    from keras_bert_cls.calibration.calibrate_run import calibrate_run, remove_decision
    from keras_bert_cls.calibration.fit import DecisionOptions
    from keras_bert_cls.calibration.rejection import Goal
    from keras_bert_cls.calibration.summary import decision_summary
    from keras_bert_cls.training.evaluate_run import ScoredFiles

    if _REMOVE.value:
        had_one = remove_decision(_WORKDIR.value)
        print(f"{_WORKDIR.value}: {'removed the decision' if had_one else 'had no decision'}")
        return
    data = ScoredFiles(
        tuple(_DATA.value),
        _FILE_FORMAT.value,
        _TEXT_COLUMN.value,
        _TEXT_PAIR_COLUMN.value,
        _LABEL_COLUMN.value,
        _BATCH_SIZE.value,
    )
    values = program.flags.flag_values_dict()
    goals = [Goal(name, float(values[name])) for name in _given(values)]
    options = DecisionOptions(
        _UNKNOWN_LABEL.value, goals[0] if goals else None, _PER_CLASS.value, _MIN_ROWS.value
    )
    label = _OUT_OF_SCOPE_LABEL.value
    decision = calibrate_run(_WORKDIR.value, data, options, label, report=print)
    print(decision_summary(decision))
    print("Exports made before this do not follow it: export the run again.")


if __name__ == "__main__":
    raise SystemExit(main())

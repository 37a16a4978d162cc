"""Cuts the vocabulary of a finished run's model down to what a corpus needs.

  bertcls-trim-vocab --workdir runs/base --data 'posts/*.tsv' --text_column text --output runs/small

The model keeps the tokens of the texts, and those rows of its embedding. It gives the same outputs
for texts whose words all stand there. OUTPUT is like the --workdir of a finished run.
"""

from collections.abc import Iterator, Sequence

from absl import flags

from keras_bert_cls.cli.program import Program
from keras_bert_cls.cli.table_flags import define_file_format_flag

program = Program("bertcls-trim-vocab", __doc__)

_WORKDIR = flags.DEFINE_string(
    "workdir", None, "The --workdir of a finished run.", flag_values=program.flags, required=True
)
_DATA = flags.DEFINE_multi_string(
    "data",
    None,
    "A file or a glob pattern; may be repeated.",
    flag_values=program.flags,
    required=True,
)
_OUTPUT = flags.DEFINE_string(
    "output", None, "The folder to make.", flag_values=program.flags, required=True
)
_TEXT_COLUMN = flags.DEFINE_multi_string(
    "text_column",
    None,
    "Name or 0-based index of a column with texts; may be repeated; txt has none.",
    flag_values=program.flags,
)
_FILE_FORMAT = define_file_format_flag(program)


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the program; returns its exit code."""
    return program.run(_run, argv)


def _run(_: list[str]) -> None:
    from keras_bert_cls.checkpoints.new_folder import write_new_folder
    from keras_bert_cls.checkpoints.vocabulary_trimming import trim_vocabulary
    from keras_bert_cls.modeling.trained_model import TrainedModel

    trained = TrainedModel.load(_WORKDIR.value)
    trimmed = trim_vocabulary(trained, _texts())
    write_new_folder(_OUTPUT.value, trimmed.save)
    before, after = (len(model.tokenizer.vocabulary) for model in (trained, trimmed))
    weights = [model.model.count_params() for model in (trained, trimmed)]
    print(_OUTPUT.value)
    print(f"  {after:,} of {before:,} tokens, {weights[1]:,} of {weights[0]:,} weights")


def _texts() -> Iterator[str]:
    from keras_bert_cls.data.readers import iterate_texts

    columns: list[str | None] = [*_TEXT_COLUMN.value] if _TEXT_COLUMN.value else [None]
    for column in columns:
        yield from iterate_texts(_DATA.value, column, _FILE_FORMAT.value)


if __name__ == "__main__":
    raise SystemExit(main())

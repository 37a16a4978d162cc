"""The flags by which programs say how a file of texts is to be read."""

from absl import flags

from keras_bert_cls.cli.program import Program


def define_file_format_flag(program: Program) -> flags.FlagHolder:
    """Defines --file_format."""
    return flags.DEFINE_string(
        "file_format",
        None,
        "txt (a text a line), tsv, csv, jsonl, parquet or tfrecord. By default from the file's "
        "extension; txt for the standard input.",
        flag_values=program.flags,
    )


def define_column_flag(program: Program, name: str, content: str) -> flags.FlagHolder:
    """Defines a flag for the column that holds `content`, such as "the text"."""
    return flags.DEFINE_string(
        name,
        None,
        f"Name or 0-based index of the column with {content}; txt has none.",
        flag_values=program.flags,
    )

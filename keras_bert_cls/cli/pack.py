"""Packs text into TFRecord shards of tokenized sequences, for pretraining on hundreds of GB.

  bertcls-pack --files 'wiki/*.txt' --vocabulary vocab.txt --max_length 512 --output packed
  bertcls-pack --files 'a*.txt,b.jsonl' --text_column text --vocabulary vocab.txt \\
      --pair_objective sop --processes 16 --output packed

Training reads the folder with --config.data.packed=packed. The same command goes on where it was
stopped; the bytes that come out depend neither on that nor on --processes.
"""

import sys
from collections.abc import Sequence

from absl import flags

from keras_bert_cls.cli.program import Program
from keras_bert_cls.cli.table_flags import define_column_flag, define_file_format_flag
from keras_bert_cls.cli.tokenizer_flags import define_case_flags
from keras_bert_cls.data.config import PAIR_OBJECTIVES, SEGMENTERS, PretrainingData

program = Program("bertcls-pack", __doc__)

_FILES = flags.DEFINE_list(
    "files",
    None,
    "Files and glob patterns, with commas between. .gz and .xz are unpacked.",
    flag_values=program.flags,
    required=True,
)
_OUTPUT = flags.DEFINE_string(
    "output", None, "The folder to write.", flag_values=program.flags, required=True
)
_VOCABULARY = flags.DEFINE_string(
    "vocabulary",
    None,
    "The vocabulary file; bertcls-vocab makes one.",
    flag_values=program.flags,
    required=True,
)
_LOWERCASE, _STRIP_ACCENTS = define_case_flags(program)
_MAX_LENGTH = flags.DEFINE_integer(
    "max_length",
    PretrainingData.max_length,
    "Tokens of a sequence, [CLS] and [SEP] included.",
    flag_values=program.flags,
)
_PAIR_OBJECTIVE = flags.DEFINE_enum(
    "pair_objective",
    PretrainingData.pair_objective,
    PAIR_OBJECTIVES,
    "Whether sequences hold two segments, for sentence-order or next-sentence prediction.",
    flag_values=program.flags,
)
_WORD_SEGMENTER = flags.DEFINE_enum(
    "word_segmenter",
    PretrainingData.word_segmenter,
    SEGMENTERS,
    "Who finds words of several Chinese characters for whole-word masking.",
    flag_values=program.flags,
)
_ONE_DOCUMENT_PER_LINE = flags.DEFINE_bool(
    "one_document_per_line",
    False,
    "Each line of a txt file is a document; else blank lines separate documents.",
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
_ROWS_PER_SHARD = flags.DEFINE_integer(
    "rows_per_shard", 8192, "Sequences of a file.", lower_bound=1, flag_values=program.flags
)
_PROCESSES = flags.DEFINE_integer(
    "processes", 1, "Processes that work at a time.", lower_bound=1, flag_values=program.flags
)
_KEEP_TEXT = flags.DEFINE_bool(
    "keep_text",
    False,
    "Write the text of each sequence instead of its token ids: it is tokenized while training, on "
    "the machines of bertcls-data-service if there are any.",
    flag_values=program.flags,
)


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the program; returns its exit code."""
    return program.run(_run, argv)


def _run(_: list[str]) -> None:
    from keras_bert_cls.data.pack import pack
    from keras_bert_cls.text.tokenizer import Tokenizer

    packed = pack(
        _OUTPUT.value,
        PretrainingData(
            files=tuple(_FILES.value),
            file_format=_FILE_FORMAT.value,
            text_column=_TEXT_COLUMN.value,
            one_document_per_line=_ONE_DOCUMENT_PER_LINE.value,
            on_bad_row=_ON_BAD_ROW.value,
            max_length=_MAX_LENGTH.value,
            pair_objective=_PAIR_OBJECTIVE.value,
            word_segmenter=_WORD_SEGMENTER.value,
        ),
        Tokenizer.from_vocab(_VOCABULARY.value, _LOWERCASE.value, _STRIP_ACCENTS.value),
        rows_per_shard=_ROWS_PER_SHARD.value,
        keep_text=_KEEP_TEXT.value,
        processes=_PROCESSES.value,
    )
    if packed.skipped:
        print(packed.skipped, file=sys.stderr)
    print(
        f"{packed.folder}: {packed.rows:,} sequences, {packed.tokens:,} tokens in "
        f"{len(packed.shards):,} shards"
    )


if __name__ == "__main__":
    raise SystemExit(main())

"""The flags that programs for masked language models share, and what they stand for."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from absl import flags

from keras_bert_cls.cli.client_flags import define_model_or_server, open_client
from keras_bert_cls.cli.program import Program
from keras_bert_cls.cli.table_flags import define_column_flag, define_file_format_flag
from keras_bert_cls.cli.text_output import with_progress

if TYPE_CHECKING:
    from keras_bert_cls.client.served_masked_lm import ServedMaskedLM
    from keras_bert_cls.masked_lm.language_model import MaskedLM


class LanguageModelFlags:
    """Defines --model and --server, --data and how to read it, and --batch_size.

    Args:
      program: where to define them.
      data: the default of --data; None where the program has other texts then.
    """

    def __init__(self, program: Program, data: str | None):
        self._program = program
        define_model_or_server(
            program,
            "The --workdir of a finished run of a masked language model, or the --output of "
            "bertcls-export or a version in it.",
        )
        self._data = flags.DEFINE_string(
            "data",
            data,
            "A file or a glob pattern; - is the standard input.",
            flag_values=program.flags,
        )
        self._file_format = define_file_format_flag(program)
        self._text_column = define_column_flag(program, "text_column", "the text")
        self._batch_size = flags.DEFINE_integer(
            "batch_size", 32, "Texts that run at once.", lower_bound=1, flag_values=program.flags
        )

    @property
    def batch_size(self) -> int:
        """Texts that run at once."""
        return self._batch_size.value

    def load_model(self) -> "MaskedLM | ServedMaskedLM":
        """Loads the model, or connects to a server that has it; raises UserError."""
        if self._program.flags.model is None:
            from keras_bert_cls.client.served_masked_lm import ServedMaskedLM

            return ServedMaskedLM(open_client(self._program, batch_size=self.batch_size))
        from keras_bert_cls.masked_lm.language_model import MaskedLM

        return MaskedLM.load(self._program.flags.model)

    def read_texts(self) -> Iterator[str]:
        """Reads the texts of --data, and shows how many on a terminal that nobody types at."""
        from keras_bert_cls.data.readers import read_rows
        from keras_bert_cls.data.table_spec import TableSpec

        spec = TableSpec(file_format=self._file_format.value, text_column=self._text_column.value)
        files = str(self._data.value)
        return with_progress((row.text for row in read_rows(files, spec)), files)
